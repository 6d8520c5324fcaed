import type { RouteConfig, RouteHandler } from "@hono/zod-openapi";
import type { Handler } from "hono";
import type { ByteStream } from "../domain/bytes.ts";
import type { ErrorCode } from "../domain/errors.ts";
import type { Clock, RandomSource } from "../domain/ports/clock.ts";
import type { Hasher } from "../domain/ports/hasher.ts";
import type { Logger } from "../domain/ports/logger.ts";
import type { Principal, Scope } from "../domain/principal.ts";
import type { TenantId } from "../domain/tenant.ts";
import type { HttpServices } from "./services.ts";

/** Where the API begins. */
export const BASE_PATH = "/api/v1";

/** What the HTTP layer is told by whoever puts the service together. */
export interface HttpOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  /** Verifies what requests say about their bodies. */
  readonly hasher: Hasher;
  /** Makes request ids. */
  readonly random: RandomSource;
  /** What links begin with, without a slash at its end; `null` for links without a host. */
  readonly publicUrl?: string | null;
  /** Where the whole is mounted, without a slash at its end: `/files`. Requests may have lost it on their way. */
  readonly basePath?: string;
  /** Origins whose pages may call, or `*`. Default: none. */
  readonly corsOrigins?: readonly string[];
  /** Who may call how often; `null`: as often as it likes. Default: everybody. */
  readonly requestsPerMinute?: {
    readonly ofAddress: number | null;
    ofTenant(tenant: TenantId): Promise<number | null>;
  };
  /** How many proxies in front are believed about who is calling. Default: none. */
  readonly trustProxy?: number;
  /**
   * The address at the other end of the connection, as the runtime knows it (`env` is the second argument of
   * `fetch`); `null` if it does not.
   */
  readonly peerAddress?: (env: unknown, request: Request) => string | null;
  /** Told in the OpenAPI document. */
  readonly version?: string;
  /**
   * The body of a request as the runtime received it (`env` is the second argument of `fetch`), where that
   * is better than `request.body`; `null` for `request.body`. Ending its iteration early must leave the
   * connection open, so that an answer can still be sent; what was not read is the runtime's to drain.
   */
  readonly requestBody?: (env: unknown, request: Request) => ByteStream | null;
}

/** What a handler finds in `c.var`. */
export interface HttpEnv {
  // biome-ignore lint/suspicious/noExplicitAny: only `requestBody` looks into it, and knows its own runtime
  Bindings: any;
  Variables: {
    services: HttpServices;
    options: HttpOptions;
    requestId: string;
    /** The route's path as declared, for the log; unset while none has matched. */
    routePattern?: string;
    principal?: Principal;
    /** The OpenAPI document, as JSON. */
    openapi: () => string;
  };
}

/** Who may call: anyone, a tenant's credential with this scope, or operators. */
export type Access = "public" | Scope | "operator";

/** A caller that acts for a tenant. */
export type TenantPrincipal = Principal & { readonly kind: "tenant" };

/** What the guard of a route puts into `c.var`. */
export type EnvOf<A extends Access> = A extends Scope
  ? { Bindings: HttpEnv["Bindings"]; Variables: HttpEnv["Variables"] & { caller: TenantPrincipal } }
  : HttpEnv;

/** One call of the API: how it looks, who may make it, what it does. */
export interface Endpoint {
  /** What it takes, and what it answers when all is well. The rest of the document is made of `problems`. */
  readonly route: RouteConfig;
  readonly access: Access;
  /** What it may be refused for, besides what follows from `access`. */
  readonly problems: readonly ErrorCode[];
  /** Served outside the base path as well, for probes and tools that expect it there. */
  readonly alsoAtRoot: boolean;
  /** Whether rate limits count it: not where a probe must never be refused. */
  readonly rateLimited: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: the types of its input were checked by `endpoint`
  readonly handler: Handler<any, any, any, any>;
}

/** An endpoint that still knows the types of its route: what clients are typed by. */
export interface TypedEndpoint<R extends RouteConfig> extends Endpoint {
  readonly route: R;
}

/**
 * Declare an endpoint. `access` has no default: a route that nobody has thought about does not compile.
 *
 * A body is declared as a plain OpenAPI schema and read by the handler, under its own limit: the validators
 * of the library would read it whole, whatever its size.
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

/** The URL of `path` in the API; without a host unless `PUBLIC_URL` is set. */
export function linkTo({ publicUrl, basePath }: HttpOptions, path: string): string {
  return `${publicUrl ?? basePath ?? ""}${BASE_PATH}${path}`;
}
