import type { Context, MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import type { HttpEnv } from "../endpoint.ts";

/** Request headers that the API uses and that pages may send only after a preflight. */
const ALLOWED_HEADERS = [
  "Authorization",
  "Content-Type",
  "Idempotency-Key",
  "X-Request-Id",
  "Last-Event-ID",
  "Repr-Digest",
  "Content-Digest",
  "Content-MD5",
  "Range",
  "If-Range",
  "If-Match",
  "If-None-Match",
  "If-Modified-Since",
  "If-Unmodified-Since",
];

/** Response headers that pages may read, besides those that are always readable (Content-Type, Content-Length …). */
const EXPOSED_HEADERS = [
  "Location",
  "Link",
  "Allow",
  "WWW-Authenticate",
  "X-Request-Id",
  "Idempotency-Replayed",
  "ETag",
  "Last-Modified",
  "Accept-Ranges",
  "Content-Range",
  "Content-Disposition",
  "Repr-Digest",
  "Retry-After",
  "RateLimit",
  "RateLimit-Policy",
];

/** No browser caches a preflight longer. Changed settings take effect after this. */
const PREFLIGHT_SECONDS = 7200;

/** How pages of other origins may call the API. */
export interface CorsPolicy {
  /** Lets pages of listed origins read every response. */
  readonly handler: MiddlewareHandler<HttpEnv>;
  /**
   * Respond to a preflight for a path that supports these methods.
   *
   * @returns `null` if the request is not a preflight or comes from an origin that is not listed.
   */
  preflight(c: Context<HttpEnv>, methods: readonly string[]): Promise<Response | null>;
}

/**
 * hono/cors, restricted to listed origins. On its own it would send methods and headers to other origins too, and
 * treat every OPTIONS as a preflight, without the methods of the path.
 *
 * Listed origins may send cookies, which a host application or a proxy in front may use; with `*` they may not.
 *
 * @param origins As browsers send them, or `*`; empty to disable CORS.
 * @see https://fetch.spec.whatwg.org/#http-cors-protocol
 */
export function corsPolicy(origins: readonly string[]): CorsPolicy {
  const any = origins.includes("*");
  const rules = {
    origin: any ? "*" : [...origins],
    credentials: !any,
    exposeHeaders: EXPOSED_HEADERS,
  };
  const allowOrigin = cors(rules);
  const isListed = (c: Context<HttpEnv>): boolean => {
    const origin = c.req.header("Origin");
    return origin !== undefined && (any || origins.includes(origin));
  };
  return {
    async handler(c, next) {
      if (c.req.method !== "OPTIONS" && isListed(c)) return await allowOrigin(c, next);
      await next();
      // Caches must not serve this response to a page of another origin.
      if (origins.length > 0 && !any && c.req.method !== "OPTIONS") {
        c.res.headers.append("Vary", "Origin");
      }
    },
    async preflight(c, methods) {
      if (!isListed(c) || c.req.header("Access-Control-Request-Method") === undefined) return null;
      const allow = cors({
        origin: rules.origin,
        credentials: rules.credentials,
        maxAge: PREFLIGHT_SECONDS,
        allowMethods: [...methods],
        allowHeaders: ALLOWED_HEADERS,
      });
      return (await allow(c, async () => {})) ?? null;
    },
  };
}
