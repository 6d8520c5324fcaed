import type { Context, MiddlewareHandler } from "hono";
import { rateLimiter } from "hono-rate-limiter";
import type { Allowance, HttpEnv, HttpOptions } from "../endpoint.ts";
import { HttpError } from "../problem.ts";
import { callerNetwork } from "./caller-network.ts";
import { RequestCounts } from "./request-counts.ts";

/** Limits are requests a minute. */
const WINDOW_MS = 60_000;

/** What stands on both sides of the guard of an endpoint. */
export interface RateLimits {
  /** Before the credential is looked at, so that guessing is limited as well. */
  readonly ofAddress: MiddlewareHandler<HttpEnv>;
  /** After it: only then the tenant is known. Operators have no limit. */
  readonly ofTenant: MiddlewareHandler<HttpEnv>;
}

/**
 * Count requests in windows of a minute, for this process alone. Whoever is over its limit is refused before
 * a byte of its body is read: `rate_limited`, with `Retry-After`. Where there is a limit, answers tell how much
 * of it is left: of the tenant's, if the request got that far.
 *
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/07/
 */
export function rateLimits(options: HttpOptions): RateLimits {
  const { addressOf, trustProxy = 0, requestsPerMinute } = options;
  return {
    ofAddress: limited(options, "from this address", async (c) => {
      const requests = requestsPerMinute?.ofAddress ?? null;
      if (requests === null) return null;
      const peer = addressOf?.(c.env, c.req.raw) ?? null;
      const forwardedFor = c.req.header("X-Forwarded-For") ?? null;
      return { caller: callerNetwork(peer, forwardedFor, trustProxy), requests };
    }),
    ofTenant: limited(options, "of this tenant", async (c) => {
      const { principal } = c.var;
      if (principal?.kind !== "tenant") return null;
      const requests = (await requestsPerMinute?.ofTenant(principal.tenant)) ?? null;
      return requests === null ? null : { caller: principal.tenant, requests };
    }),
  };
}

function limited(
  { clock = { now: () => Date.now() } }: HttpOptions,
  whose: string,
  find: (c: Context<HttpEnv>) => Promise<Allowance | null>,
): MiddlewareHandler<HttpEnv> {
  const count = rateLimiter<HttpEnv>({
    windowMs: WINDOW_MS,
    store: new RequestCounts(clock, WINDOW_MS),
    keyGenerator: (c) => c.var.allowance?.caller ?? "",
    limit: (c) => c.var.allowance?.requests ?? 0,
    standardHeaders: "draft-7",
    handler(c) {
      const reason = `the limit is ${c.var.allowance?.requests} in a minute`;
      throw new HttpError("rate_limited", `Cannot take more requests ${whose}: ${reason}`);
    },
  });
  return async (c, next) => {
    const allowance = await find(c);
    if (allowance === null) return await next();
    c.set("allowance", allowance);
    // What is said before the answer is made gets onto it, whoever makes it, once there is a `c.res`.
    c.res.headers.delete("RateLimit");
    return await count(c, next);
  };
}
