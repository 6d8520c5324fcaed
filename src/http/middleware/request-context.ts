import type { MiddlewareHandler } from "hono";
import { toHex } from "../../domain/bytes.ts";
import type { HttpEnv, HttpOptions } from "../endpoint.ts";
import { findRequestId } from "../headers/request-id.ts";
import { problemResponse } from "../problem.ts";
import type { HttpServices } from "../services.ts";

/**
 * Defaults for every response. Responses are data, not pages: they may load nothing, and pages of other origins may
 * not embed them as images or scripts. Pages of CORS_ORIGINS use fetch.
 */
const SECURITY_HEADERS: readonly (readonly [string, string])[] = [
  ["X-Content-Type-Options", "nosniff"],
  ["Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"],
  ["Cross-Origin-Resource-Policy", "same-origin"],
  ["Referrer-Policy", "no-referrer"],
  ["Cache-Control", "no-store"],
];

/**
 * Wraps every request: provides the services to handlers, sets the request id and default headers, and logs the
 * outcome. The log has the route's pattern instead of the path, because paths contain filenames.
 */
export function requestContext(
  services: HttpServices,
  options: HttpOptions,
  openapi: () => string,
): MiddlewareHandler<HttpEnv> {
  const { clock } = options;
  return async (c, next) => {
    const startedAt = clock.now();
    const requestId =
      findRequestId(c.req.raw.headers.get("X-Request-Id")) ??
      toHex(options.random(new Uint8Array(16)));
    c.set("services", services);
    c.set("options", options);
    c.set("openapi", openapi);
    c.set("requestId", requestId);
    try {
      await next();
    } catch (thrown) {
      // Hono passes only instances of Error to its error handler.
      c.res = problemResponse(thrown, requestId);
      options.logger.error("request.failed", { code: "internal", requestId, error: thrown });
    }
    // Hono answers HEAD with the headers of GET but does not cancel the body's source.
    if (c.req.method === "HEAD") await c.res.body?.cancel();
    c.res.headers.set("X-Request-Id", requestId);
    for (const [name, value] of SECURITY_HEADERS) {
      if (!c.res.headers.has(name)) c.res.headers.set(name, value);
    }
    const { principal } = c.var;
    options.logger.info("request.finished", {
      method: c.req.method,
      route: c.var.routePattern ?? null,
      status: c.res.status,
      durationMs: clock.now() - startedAt,
      requestId,
      tenantId: principal?.kind === "tenant" ? principal.tenant : null,
    });
  };
}
