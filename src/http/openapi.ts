import type { OpenAPIHono, RouteConfig } from "@hono/zod-openapi";
import type { ErrorCode } from "../domain/errors.ts";
import { mergeResponses, problemResponses } from "./answers.ts";
import type { Endpoint, HttpEnv, HttpOptions } from "./endpoint.ts";

/** What everyone may be told who has to show a credential. */
const ACCESS_PROBLEMS: readonly ErrorCode[] = [
  "unauthenticated",
  "insufficient_scope",
  "auth_unavailable",
  "records_unavailable",
];

/** The name of the credential in the document. */
const SCHEME = "bearer";

/** The route of an endpoint with what follows from the rest of it: who may call, and what can go wrong. */
export function documentedRoute(endpoint: Endpoint): RouteConfig {
  const { route, access, problems } = endpoint;
  const open = access === "public";
  const scopes = open || access === "operator" ? [] : [access];
  return {
    ...route,
    security: open ? [] : [{ [SCHEME]: scopes }],
    responses: mergeResponses(
      route.responses,
      problemResponses([...problems, ...(open ? [] : ACCESS_PROBLEMS), "internal"]),
    ),
  };
}

/** The OpenAPI document of `app` as text, made once, when somebody asks for it. */
export function openapiDocument(app: OpenAPIHono<HttpEnv>, options: HttpOptions): () => string {
  app.openAPIRegistry.registerComponent("securitySchemes", SCHEME, {
    type: "http",
    scheme: "bearer",
    description: "An API key, or a JSON Web Token",
  });
  let text: string | null = null;
  return () => {
    text ??= JSON.stringify(
      app.getOpenAPI31Document({
        openapi: "3.1.0",
        info: {
          title: "Stowage",
          version: options.version ?? "0",
          description:
            "File uploads over HTTP, stored durably and processed on arrival or on demand. Every error is application/problem+json (RFC 9457); every answer carries X-Request-Id.",
          license: { name: "MIT" },
        },
        servers: [{ url: options.publicUrl ?? (options.basePath || "/") }],
      }),
    );
    return text;
  };
}
