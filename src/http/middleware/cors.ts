import type { Context, MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import type { HttpEnv } from "../endpoint.ts";

/** Request headers that mean something here and that a page may not send unasked. */
const ALLOWED_HEADERS = [
  ...["Authorization", "Content-Type", "Idempotency-Key", "X-Request-Id", "Last-Event-ID"],
  ...["Repr-Digest", "Content-Digest", "Content-MD5", "Range", "If-Range"],
  ...["If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"],
];

/** What a page may read of an answer, besides what it may read of any (Content-Type, Content-Length …). */
const EXPOSED_HEADERS = [
  ...["Location", "Link", "Allow", "WWW-Authenticate", "X-Request-Id", "Idempotency-Replayed"],
  ...["ETag", "Last-Modified", "Accept-Ranges", "Content-Range", "Content-Disposition"],
  ...["Repr-Digest", "Retry-After", "RateLimit", "RateLimit-Policy"],
];

/** No browser believes an answer longer; a change of the settings is noticed after this. */
const PREFLIGHT_SECONDS = 7200;

/** How pages of other origins may call (CORS). */
export interface CorsPolicy {
  /** Around everything: lets pages of listed origins read the answer, whatever it is. */
  readonly share: MiddlewareHandler<HttpEnv>;
  /**
   * Answers a preflight for a path that has these methods.
   *
   * @returns `null` for what is none, or comes from an origin that is not listed.
   */
  preflight(c: Context<HttpEnv>, methods: readonly string[]): Promise<Response | null>;
}

/**
 * hono/cors, held to the origins that are listed: for others it would still tell methods and headers, and it
 * takes every OPTIONS for a preflight, which tells no methods of the path.
 *
 * Listed origins may send cookies along, which a host application or a proxy in front may want; `*` may not.
 *
 * @param origins As browsers write them, or `*`; none: nobody is answered.
 * @see https://fetch.spec.whatwg.org/#http-cors-protocol
 */
export function corsPolicy(origins: readonly string[]): CorsPolicy {
  const any = origins.includes("*");
  const rules = {
    origin: any ? "*" : [...origins],
    credentials: !any,
    exposeHeaders: EXPOSED_HEADERS,
  };
  const share = cors(rules);
  const isListed = (c: Context<HttpEnv>): boolean => {
    const origin = c.req.header("Origin");
    return origin !== undefined && (any || origins.includes(origin));
  };
  return {
    async share(c, next) {
      if (c.req.method !== "OPTIONS" && isListed(c)) return await share(c, next);
      await next();
      // Caches must not give the answer to somebody else's page.
      if (origins.length > 0 && !any && c.req.method !== "OPTIONS") {
        c.res.headers.append("Vary", "Origin");
      }
    },
    async preflight(c, methods) {
      if (!isListed(c) || c.req.header("Access-Control-Request-Method") === undefined) return null;
      const allow = cors({
        ...{ origin: rules.origin, credentials: rules.credentials, maxAge: PREFLIGHT_SECONDS },
        ...{ allowMethods: [...methods], allowHeaders: ALLOWED_HEADERS },
      });
      return (await allow(c, async () => {})) ?? null;
    },
  };
}
