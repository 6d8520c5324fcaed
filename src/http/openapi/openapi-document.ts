import type { OpenAPIHono, RouteConfig } from "@hono/zod-openapi";
import type { ErrorCode } from "../../domain/errors.ts";
import type { Endpoint, HttpEnv, HttpOptions } from "../endpoint.ts";
import { mergeResponses, problemResponses } from "../responses/responses.ts";
import { ERROR_GUIDE } from "./error-guide.ts";
import { exampleProblem, OPERATION_EXAMPLES, type OperationExamples } from "./examples.ts";
import {
  COMMON_RESPONSE_HEADERS,
  REQUEST_HEADERS,
  RESPONSE_HEADERS,
  type ResponseHeader,
  requestHeaders,
  responseHeaders,
} from "./headers.ts";
import {
  dropUnusedComponents,
  type MutableDocument,
  mergeEquivalentPaths,
} from "./normalize-document.ts";

/** Problems of every call that needs a credential. */
const ACCESS_PROBLEMS: readonly ErrorCode[] = [
  "unauthenticated",
  "insufficient_scope",
  "auth_unavailable",
  "records_unavailable",
];

/** Problems of every call that may fail with `storage_unavailable`. */
const STORAGE_PROBLEMS: readonly ErrorCode[] = ["storage_access_denied", "storage_misconfigured"];

/** The name of the security scheme in the document. */
const SCHEME = "bearer";

/** Groups of calls, in the order in which they are shown. */
export const TAGS = {
  Uploads: "A file and its record.",
  Files: "The bytes of a file.",
  Processing: "Text and facts that processors extract from files, on arrival or on demand.",
  Service: "Health checks, and this documentation.",
} as const;

/** An SPDX identifier, which needs no URL. */
const LICENSE = { name: "MIT", identifier: "MIT" };

const DESCRIPTION = [
  "File uploads over HTTP, stored durably and processed on arrival or on demand.",
  "Every error is `application/problem+json` (RFC 9457) with the `type` `about:blank`. Look at its `code`, which never changes its meaning; `detail` is for humans.",
  "Times are RFC 3339 in UTC, sizes are bytes. Trailing slashes are optional. Every GET supports HEAD. Other methods get 405 `method_not_allowed` with `Allow`, other paths 404 `route_not_found`. Any call may get 400, 408, 414, 417 or 431 if the request is malformed as HTTP, too slow or too large.",
  "Any response may have the headers marked `x-any-answer`. Paths without `/api/v1` are also served under it.",
].join("\n\n");

/** The route of an endpoint, completed with its security, problems, examples and common headers. */
export function documentedRoute(endpoint: Endpoint): RouteConfig {
  const { route, access, problems } = endpoint;
  const open = access === "public";
  const scopes = open || access === "operator" ? [] : [access];
  const examples = OPERATION_EXAMPLES[route.operationId ?? ""];
  const responses = mergeResponses(
    withExamples(route.responses, examples),
    problemResponses([
      ...problems,
      ...(problems.includes("storage_unavailable") ? STORAGE_PROBLEMS : []),
      ...(open ? [] : ACCESS_PROBLEMS),
      ...(endpoint.rateLimited ? (["rate_limited"] as const) : []),
      "internal",
    ]),
  );
  return {
    ...route,
    parameters: [...(route.parameters ?? []), ...requestHeaders("X-Request-Id")] as Parameters,
    security: open ? [] : [{ [SCHEME]: scopes }],
    ...withBodyExample(route.request, examples),
    responses: withHeaders(
      responses,
      endpoint.rateLimited ? ["X-Request-Id", "RateLimit", "RateLimit-Policy"] : ["X-Request-Id"],
    ),
  };
}

type Responses = RouteConfig["responses"];
type Request = RouteConfig["request"];
type Parameters = NonNullable<RouteConfig["parameters"]>;

function withExamples(responses: Responses, examples: OperationExamples | undefined): Responses {
  const entries = Object.entries(responses).map(([status, response]) => {
    const example = examples?.responses[Number(status)];
    if (example === undefined || "$ref" in response || response.content === undefined) {
      return [status, response];
    }
    return [status, { ...response, content: withExample(response.content, example) }];
  });
  return Object.fromEntries(entries);
}

function withBodyExample(
  request: Request,
  examples: OperationExamples | undefined,
): { request?: NonNullable<Request> } {
  const body = request?.body;
  if (request === undefined || body === undefined || examples?.request === undefined) {
    return request === undefined ? {} : { request };
  }
  return {
    request: {
      ...request,
      body: { ...body, content: withExample(body.content, examples.request) },
    },
  };
}

function withExample<Content extends object>(content: Content, example: unknown): Content {
  const entries = Object.entries(content).map(([type, media]) => [type, { ...media, example }]);
  return Object.fromEntries(entries) as Content;
}

function withHeaders(responses: Responses, names: readonly ResponseHeader[]): Responses {
  const common = responseHeaders(...names);
  const entries = Object.entries(responses).map(([status, response]) =>
    "$ref" in response
      ? [status, response]
      : [status, { ...response, headers: { ...response.headers, ...common } }],
  );
  return Object.fromEntries(entries);
}

function registerComponents(app: OpenAPIHono<HttpEnv>): void {
  const registry = app.openAPIRegistry;
  registry.registerComponent("securitySchemes", SCHEME, {
    type: "http",
    scheme: "bearer",
    description:
      "An API key or a JSON Web Token. It belongs to one tenant and has scopes; an operator's belongs to no tenant.",
  });
  for (const [name, note] of Object.entries(REQUEST_HEADERS)) {
    registry.registerComponent("parameters", name, { name, in: "header", ...note });
  }
  for (const [name, note] of Object.entries(RESPONSE_HEADERS)) {
    registry.registerComponent("headers", name, note);
  }
  for (const [name, note] of Object.entries(COMMON_RESPONSE_HEADERS)) {
    registry.registerComponent("headers", name, { ...note, "x-any-answer": true });
  }
  for (const code of Object.keys(ERROR_GUIDE) as ErrorCode[]) {
    const example = { summary: ERROR_GUIDE[code], value: exampleProblem(code) };
    registry.registerComponent("examples", code, example);
  }
}

/** The OpenAPI document of `app` as text, generated on first use. */
export function openapiDocument(app: OpenAPIHono<HttpEnv>, options: HttpOptions): () => string {
  registerComponents(app);
  let text: string | null = null;
  return () => {
    text ??= JSON.stringify(makeDocument(app, options));
    return text;
  };
}

function makeDocument(app: OpenAPIHono<HttpEnv>, options: HttpOptions): MutableDocument {
  const document = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Stowage",
      version: options.version ?? "0",
      description: DESCRIPTION,
      license: LICENSE,
    },
    servers: [{ url: options.publicUrl ?? (options.basePath || "/") }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
  }) as object as MutableDocument;
  mergeEquivalentPaths(document);
  dropUnusedComponents(document);
  return document;
}
