import { OpenAPIHono } from "@hono/zod-openapi";
import type { Endpoint, HttpEnv, HttpOptions } from "./endpoint.ts";
import { answerError, answerNotFound } from "./middleware/errors.ts";
import { guard } from "./middleware/guard.ts";
import { requestContext } from "./middleware/request-context.ts";
import { BASE_PATH, ENDPOINTS } from "./router.ts";
import type { HttpServices } from "./services.ts";
import { refuseInvalid } from "./validation.ts";

/** The API as a function of requests. */
export interface HttpApp {
  /**
   * Answer a request. Never rejects.
   *
   * @param env What the runtime knows of the request; handed to `requestBody`.
   */
  fetch(request: Request, env?: unknown): Response | Promise<Response>;
  readonly endpoints: readonly Endpoint[];
  /** Method and path of everything that was registered, as the framework tells it. */
  readonly registered: readonly { readonly method: string; readonly path: string }[];
}

/** Build the API over these services. */
export function createApp(services: HttpServices, options: HttpOptions): HttpApp {
  // Not strict: existing clients call /upload/ with its slash.
  const app = new OpenAPIHono<HttpEnv>({ strict: false, defaultHook: refuseInvalid });
  app.use(requestContext(services, options, documentOf(app, options)));
  app.onError(answerError);
  app.notFound(answerNotFound);
  for (const { route, access, alsoAtRoot, handler } of ENDPOINTS) {
    for (const base of alsoAtRoot ? [BASE_PATH, ""] : [BASE_PATH]) {
      const path = base + route.path;
      const note = notePattern(path);
      app.openapi({ ...route, path, middleware: [note, guard(access)] }, handler);
    }
  }
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description: "An API key, or a JSON Web Token",
  });
  return {
    fetch: (request, env) => app.fetch(request, env as object | undefined),
    endpoints: ENDPOINTS,
    registered: app.routes.map(({ method, path }) => ({ method, path })),
  };
}

/** Tells the log which route it was: known before anything can go wrong in it. */
function notePattern(path: string): ReturnType<typeof guard> {
  return async (c, next) => {
    c.set("routePattern", path);
    await next();
  };
}

/** The OpenAPI document as text, made once, when somebody asks for it. */
function documentOf(app: OpenAPIHono<HttpEnv>, options: HttpOptions): () => string {
  let text: string | null = null;
  return () => {
    text ??= JSON.stringify(
      app.getOpenAPI31Document({
        openapi: "3.1.0",
        info: {
          title: "Stowage",
          version: options.version ?? "0",
          description:
            "File uploads over HTTP, stored durably and processed on arrival or on demand.",
          license: { name: "MIT" },
        },
        servers: [{ url: options.publicUrl ?? "/" }],
        security: [{ bearer: [] }],
      }),
    );
    return text;
  };
}
