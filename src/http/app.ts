import { OpenAPIHono } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import { getPathNoStrict } from "hono/utils/url";
import { BASE_PATH, type Endpoint, type HttpEnv, type HttpOptions } from "./endpoint.ts";
import { bearerAuth } from "./middleware/bearer-auth.ts";
import { corsPolicy } from "./middleware/cors.ts";
import { methodNotAllowed, methodTable } from "./middleware/method-not-allowed.ts";
import { notFound, onError } from "./middleware/on-error.ts";
import { rateLimits } from "./middleware/rate-limiter.ts";
import { requestContext } from "./middleware/request-context.ts";
import { documentedRoute, openapiDocument } from "./openapi/openapi-document.ts";
import { ENDPOINTS } from "./router.ts";
import type { HttpServices } from "./services.ts";
import { validationHook } from "./validation.ts";

/** The API as a function of requests. */
export interface HttpApp {
  /**
   * Respond to a request. Never rejects.
   *
   * @param env What the runtime knows about the request; passed to `requestBody` and `peerAddress`.
   */
  fetch(request: Request, env?: unknown): Response | Promise<Response>;
  readonly endpoints: readonly Endpoint[];
  /** Method and path of every route that Hono has registered. */
  readonly registered: readonly { readonly method: string; readonly path: string }[];
}

/** Build the API on top of these services. */
export function createApp(
  services: HttpServices,
  options: HttpOptions,
  endpoints: readonly Endpoint[] = ENDPOINTS,
): HttpApp {
  const app = new OpenAPIHono<HttpEnv>({
    defaultHook: validationHook,
    // Not strict: existing clients call /upload/ with a trailing slash.
    getPath: (request) => pathInside(getPathNoStrict(request), options.basePath ?? ""),
  });
  app.use(requestContext(services, options, openapiDocument(app, options)));
  const cors = corsPolicy(options.corsOrigins ?? []);
  app.use(cors.handler);
  app.onError(onError);
  app.notFound(notFound);
  const limits = rateLimits(options);
  const routes = endpoints.flatMap((endpoint) => pathsOf(endpoint));
  for (const { endpoint, path, hide } of routes) {
    const route = { ...documentedRoute(endpoint), path, hide };
    const gate = bearerAuth(endpoint.access);
    const middleware = endpoint.rateLimited
      ? [setRoutePattern(path), limits.ofAddress, gate, limits.ofTenant]
      : [setRoutePattern(path), gate];
    app.openapi({ ...route, middleware }, endpoint.handler);
  }
  for (const [path, methods] of methodTable(routes)) {
    app.all(path, methodNotAllowed(path, methods, cors.preflight));
  }
  return {
    fetch: (request, env) => app.fetch(request, env as object | undefined),
    endpoints,
    registered: app.routes.map(({ method, path }) => ({ method, path })),
  };
}

/** The path without the mount path, which some hosts have already removed. */
function pathInside(path: string, basePath: string): string {
  if (basePath === "" || !`${path}/`.startsWith(`${basePath}/`)) return path;
  return path.slice(basePath.length) || "/";
}

/** The paths of an endpoint. If there are two, only the one outside the base path is documented. */
function pathsOf(endpoint: Endpoint) {
  const { method, path } = endpoint.route;
  const inside = { endpoint, method, path: BASE_PATH + path, hide: endpoint.alsoAtRoot };
  return endpoint.alsoAtRoot ? [{ endpoint, method, path, hide: false }, inside] : [inside];
}

/** Sets the route pattern for the log, before anything in the route can fail. */
function setRoutePattern(path: string): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    c.set("routePattern", path);
    await next();
  };
}
