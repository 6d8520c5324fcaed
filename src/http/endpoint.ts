import type { RouteConfig, RouteHandler } from "@hono/zod-openapi";
import type { Handler } from "hono";
import type { ByteStream } from "../domain/bytes.ts";
import type { ErrorCode } from "../domain/errors.ts";
import type { Clock, RandomSource } from "../domain/ports/clock.ts";
import type { Hasher } from "../domain/ports/hasher.ts";
import type { Logger } from "../domain/ports/logger.ts";
import type { Principal, Scope } from "../domain/principal.ts";
import type { TenantId } from "../domain/tenant.ts";
import type { TenantLimits } from "../domain/tenant-limits.ts";
import type { HttpServices } from "./services.ts";

/** The path that all routes of the API start with. */
export const BASE_PATH = "/api/v1";

/** How the service is served over HTTP. */
export interface HttpOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  /** Verifies the digests that requests send. */
  readonly hasher: Hasher;
  /** Generates request ids. */
  readonly random: RandomSource;
  /** The start of links, without a trailing slash; `null` for links without a host. */
  readonly publicUrl?: string | null | undefined;
  /** The mount path, without a trailing slash: `/files`. Requests may come with or without it. */
  readonly basePath?: string | undefined;
  /** Origins whose pages may call the API, or `*`. Default: none. */
  readonly corsOrigins?: readonly string[] | undefined;
  /** The rate limit of an address; `null` for no limit, which is the default. Each tenant's is in its limits. */
  readonly requestsPerMinuteOfAddress?: number | null | undefined;
  /** How many proxies in front are trusted to name the caller. Default: 0. */
  readonly trustProxy?: number | undefined;
  /**
   * The address at the other end of the connection, as the runtime knows it (`env` is the second argument of
   * `fetch`); `null` if it does not.
   */
  readonly peerAddress?: ((env: unknown, request: Request) => string | null) | undefined;
  /** The version in the OpenAPI document. */
  readonly version?: string | undefined;
  /**
   * A faster way to read the body of a request than `request.body` (`env` is the second argument of `fetch`);
   * `null` to use `request.body`. Ending its iteration early must leave the connection open, so that the response
   * can still be sent. The runtime drains the rest.
   */
  readonly requestBody?: ((env: unknown, request: Request) => ByteStream | null) | undefined;
}

/** The environment of a handler: `c.env` and `c.var`. */
export interface HttpEnv {
  // biome-ignore lint/suspicious/noExplicitAny: only `requestBody` and `peerAddress` read it, and they know their runtime
  Bindings: any;
  Variables: {
    services: HttpServices;
    options: HttpOptions;
    requestId: string;
    /** The path of the matched route as declared, for the log. */
    routePattern?: string;
    principal?: Principal;
    /** See {@link tenantLimitsOf}. */
    tenantLimits?: TenantLimits;
    /** The OpenAPI document, as JSON. */
    openapi: () => string;
  };
}

/** Who may call: anyone, a tenant with this scope, or operators. */
export type Access = "public" | Scope | "operator";

/** A caller that acts for a tenant. */
export type TenantPrincipal = Principal & { readonly kind: "tenant" };

/** The environment after `bearerAuth` has admitted the caller. */
export type EnvOf<A extends Access> = A extends Scope
  ? { Bindings: HttpEnv["Bindings"]; Variables: HttpEnv["Variables"] & { caller: TenantPrincipal } }
  : HttpEnv;

/** One call of the API: its route, who may call it, and its handler. */
export interface Endpoint {
  /** Its input and its successful responses. Error responses are derived from `problems`. */
  readonly route: RouteConfig;
  readonly access: Access;
  /** The errors it may return, besides those that follow from `access`. */
  readonly problems: readonly ErrorCode[];
  /** Also served outside the base path, for probes and tools that expect it there. */
  readonly alsoAtRoot: boolean;
  /** Whether rate limits apply. Not for probes, which must never be refused. */
  readonly rateLimited: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: the types of its input were checked by `endpoint`
  readonly handler: Handler<any, any, any, any>;
}

/** An endpoint that keeps the types of its route, from which the client's types derive. */
export interface TypedEndpoint<R extends RouteConfig> extends Endpoint {
  readonly route: R;
}

/**
 * Declare an endpoint. `access` has no default, so a route without a decision about it does not compile.
 *
 * Declare bodies as plain OpenAPI schemas and read them in the handler, with a limit: a zod validator would read
 * the whole body into memory, whatever its size. See docs/adr/0017.
 */
export function endpoint<const A extends Access, R extends RouteConfig>(definition: {
  readonly access: A;
  readonly route: R;
  readonly problems: readonly ErrorCode[];
  readonly alsoAtRoot?: boolean;
  readonly rateLimited?: boolean;
  readonly handler: RouteHandler<R, EnvOf<A>>;
}): TypedEndpoint<R> {
  return { alsoAtRoot: false, rateLimited: true, ...definition };
}

/** The limits of the caller's tenant, read once per request: the rate limiter and the route share them. */
export async function tenantLimitsOf(
  c: {
    readonly var: Pick<HttpEnv["Variables"], "services" | "tenantLimits">;
    set(name: "tenantLimits", limits: TenantLimits): void;
  },
  tenant: TenantId,
): Promise<TenantLimits> {
  const limits = c.var.tenantLimits ?? (await c.var.services.tenantLimits.of(tenant));
  c.set("tenantLimits", limits);
  return limits;
}

/** The URL of `path` in the API; without a host unless `PUBLIC_URL` is set. */
export function linkTo({ publicUrl, basePath }: HttpOptions, path: string): string {
  return `${publicUrl ?? basePath ?? ""}${BASE_PATH}${path}`;
}
