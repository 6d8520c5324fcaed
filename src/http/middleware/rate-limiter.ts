import type { Context, MiddlewareHandler } from "hono";
import type { Clock } from "../../domain/ports/clock.ts";
import { type HttpEnv, type HttpOptions, tenantLimitsOf } from "../endpoint.ts";
import { HttpError } from "../problem.ts";
import { callerNetwork } from "./caller-network.ts";

/** Limits are requests a minute. */
const WINDOW_MS = 60_000;

/**
 * Callers counted at once, at some 200 bytes each. When more arrive within one window, the oldest windows
 * start over: memory stays bounded, and many callers never cause a refusal.
 */
const MAX_CALLERS = 50_000;

/** Counts requests in fixed windows. A caller's window begins with its first request. */
export class RateLimiter {
  readonly #clock: Clock;
  readonly #maxCallers: number;
  /** In the order in which windows began, which is also the order in which they end. */
  readonly #windows = new Map<string, { hits: number; readonly endsAt: number }>();

  constructor(clock: Clock, maxCallers = MAX_CALLERS) {
    this.#clock = clock;
    this.#maxCallers = maxCallers;
  }

  /** How many callers are counted. */
  get size(): number {
    return this.#windows.size;
  }

  /** Count a request: how many its caller has made in this window, and when the window ends. */
  hit(caller: string): { readonly hits: number; readonly resetSeconds: number } {
    const now = this.#clock.now();
    const current = this.#windows.get(caller);
    const leftMs = (current?.endsAt ?? 0) - now;
    // More than a whole window left: the clock was set back. That must not make the window longer.
    const isOpen = leftMs > 0 && leftMs <= WINDOW_MS;
    const window = current !== undefined && isOpen ? current : this.#begin(caller, now);
    window.hits += 1;
    return { hits: window.hits, resetSeconds: Math.ceil((window.endsAt - now) / 1000) };
  }

  #begin(caller: string, now: number) {
    this.#windows.delete(caller);
    for (const [other, { endsAt }] of this.#windows) {
      if (endsAt > now && this.#windows.size < this.#maxCallers) break;
      this.#windows.delete(other);
    }
    const window = { hits: 0, endsAt: now + WINDOW_MS };
    this.#windows.set(caller, window);
    return window;
  }
}

/** A caller, and how many requests a minute it may make. */
interface Allowance {
  readonly caller: string;
  readonly limit: number;
}

/** The two limits of an endpoint, one on each side of its authentication. */
export interface RateLimits {
  /** Before the credential is checked, so that guessing credentials is limited too. */
  readonly ofAddress: MiddlewareHandler<HttpEnv>;
  /** After it, when the tenant is known. Operators have no limit. */
  readonly ofTenant: MiddlewareHandler<HttpEnv>;
}

/**
 * Limit requests a minute, counted in this process only. A request over a limit gets 429 `rate_limited` with
 * `Retry-After`, before a byte of its body is read. Every response shows what is left of a limit: the
 * tenant's if the request got that far, else the address's.
 *
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/07/
 */
export function rateLimits(options: HttpOptions): RateLimits {
  const { peerAddress, trustProxy = 0, requestsPerMinuteOfAddress: addressLimit = null } = options;
  return {
    ofAddress: limitRequests(options, "from this address", async (c) => {
      if (addressLimit === null) return null;
      const peer = peerAddress?.(c.env, c.req.raw) ?? null;
      const forwardedFor = c.req.header("X-Forwarded-For") ?? null;
      return { caller: callerNetwork(peer, forwardedFor, trustProxy), limit: addressLimit };
    }),
    ofTenant: limitRequests(options, "of this tenant", async (c) => {
      const { principal } = c.var;
      if (principal?.kind !== "tenant") return null;
      const { tenant } = principal;
      const { requestsPerMinute: limit } = await tenantLimitsOf(c, tenant);
      return limit === null ? null : { caller: tenant, limit };
    }),
  };
}

function limitRequests(
  { clock }: HttpOptions,
  whose: string,
  findAllowance: (c: Context<HttpEnv>) => Promise<Allowance | null>,
): MiddlewareHandler<HttpEnv> {
  const limiter = new RateLimiter(clock);
  return async (c, next) => {
    const allowance = await findAllowance(c);
    if (allowance === null) return await next();
    const { caller, limit } = allowance;
    const { hits, resetSeconds } = limiter.hit(caller);
    const remaining = Math.max(limit - hits, 0);
    // Set on `c.res` rather than with `c.header`, which a handler that returns its own Response would lose.
    const { headers } = c.res;
    headers.set("RateLimit-Policy", `${limit};w=${WINDOW_MS / 1000}`);
    headers.set("RateLimit", `limit=${limit}, remaining=${remaining}, reset=${resetSeconds}`);
    if (hits <= limit) return await next();
    throw new HttpError(
      "rate_limited",
      `Cannot accept more requests ${whose}: the limit is ${limit} per minute`,
      { headers: { "Retry-After": String(resetSeconds) } },
    );
  };
}
