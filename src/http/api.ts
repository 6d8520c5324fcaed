import type { OpenAPIHono, RouteConfig, z } from "@hono/zod-openapi";
import type { ApplyGlobalResponse } from "hono/client";
import type { BlankEnv, BlankSchema } from "hono/types";
import type { BASE_PATH, TypedEndpoint } from "./endpoint.ts";
import type { Problem } from "./problem.ts";
import type { JsonBody } from "./responses/responses.ts";
import type { ENDPOINTS } from "./router.ts";

type Endpoints = typeof ENDPOINTS;

/** Without 304, which only conditional requests get: including 304 would erase the type of other answers. */
type Answers<R extends RouteConfig> = { readonly responses: Omit<R["responses"], 304> };

/** The route of an endpoint as a client sees it: with the type of its JSON body, which handlers read themselves. */
type ClientRoute<R extends RouteConfig> = R extends {
  readonly request: { readonly body: JsonBody<infer Schema> };
}
  ? Omit<R, "request" | "responses"> &
      Answers<R> & {
        readonly request: Omit<R["request"], "body"> & {
          readonly body: { readonly content: { readonly "application/json": { schema: Schema } } };
        };
      }
  : Omit<R, "responses"> & Answers<R>;

type ClientEndpoints<Table extends readonly unknown[]> = {
  readonly [Index in keyof Table]: Table[Index] extends TypedEndpoint<infer R>
    ? { readonly route: ClientRoute<R>; readonly handler: unknown }
    : never;
};

// Only for its type: a Hono app with all routes declared.
declare const app: OpenAPIHono<BlankEnv, BlankSchema, typeof BASE_PATH>;

/** Statuses that any call may fail with. */
type ProblemStatus =
  | (400 | 401 | 403 | 404 | 409 | 412 | 413 | 415 | 416 | 422 | 429)
  | (500 | 503 | 504 | 507);

/** The API's type for Hono's `hc`: `hc<StowageApi>("https://files.example.com")`. */
export type StowageApi = ApplyGlobalResponse<
  ReturnType<typeof app.openapiRoutes<ClientEndpoints<Endpoints>>>,
  { [Status in ProblemStatus]: { json: Problem } }
>;

/** A call by its method and path: `get /upload/{id}`. */
export type Call = CallOf<Endpoints[number]["route"]>;

type CallOf<R> = R extends { readonly method: infer Method; readonly path: infer Path }
  ? `${Method & string} ${Path & string}`
  : never;

/** The route of a call. */
type RouteOf<C extends Call> = C extends `${infer Method} ${infer Path}`
  ? Extract<Endpoints[number]["route"], { readonly method: Method; readonly path: Path }>
  : never;

/** What a schema accepts; `never` without one. */
type InputOf<Schema> = Schema extends z.ZodType ? z.input<Schema> : never;

/** The JSON of a successful response. */
export type ResponseOf<C extends Call> = ContentOf<RouteOf<C>["responses"]>;

type ContentOf<Responses> = {
  [Status in keyof Responses]: Responses[Status] extends {
    readonly content: { readonly "application/json": { readonly schema: infer Schema } };
  }
    ? Schema extends z.ZodType
      ? z.output<Schema>
      : never
    : never;
}[keyof Responses];

/** The query of a call, before parsing. */
export type QueryOf<C extends Call> =
  RouteOf<C> extends { readonly request: { readonly query: infer Schema } }
    ? InputOf<Schema>
    : never;

/** The JSON body of a call. */
export type BodyOf<C extends Call> =
  RouteOf<C> extends { readonly request: { readonly body: JsonBody<infer Schema> } }
    ? InputOf<Schema>
    : never;
