import type { MiddlewareHandler } from "hono";
import { toHex } from "../../domain/bytes.ts";
import type { HttpEnv, HttpOptions } from "../endpoint.ts";
import { findRequestId } from "../headers/request-id.ts";
import { problemResponse } from "../problem.ts";
import type { HttpServices } from "../services.ts";

/**
 * On every answer that does not say otherwise. Nothing of ours is a page: nothing may be loaded from it, and
 * no page of another origin may load it as an image or a script; those of CORS_ORIGINS fetch.
 */
const SECURITY_HEADERS: readonly (readonly [string, string])[] = [
  ["X-Content-Type-Options", "nosniff"],
  ["Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"],
  ["Cross-Origin-Resource-Policy", "same-origin"],
  ["Referrer-Policy", "no-referrer"],
  ["Cache-Control", "no-store"],
];

/**
 * Around everything: hand the parts to the handlers, give the request its id, tell the log how it ended.
 * The log names the route's pattern, never the path: there are filenames in paths.
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
      // The framework hands errors to its error handler, but not other things that are thrown.
      c.res = problemResponse(thrown, requestId);
      options.logger.error("request.failed", { code: "internal", requestId, error: thrown });
    }
    // The framework answers HEAD with GET's headers and forgets the body: what feeds it has to be told.
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
