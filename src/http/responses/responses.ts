import type { RouteConfig } from "@hono/zod-openapi";
import { z } from "zod";
import type { ErrorCode } from "../../domain/errors.ts";
import { ERROR_GUIDE } from "../openapi/error-guide.ts";
import { type ResponseHeader, responseHeaders } from "../openapi/headers.ts";
import { ProblemSchema, STATUS } from "../problem.ts";

type Responses = RouteConfig["responses"];

/** A JSON response with this schema. */
export function json<Schema extends z.ZodType>(description: string, schema: Schema) {
  return { description, content: { "application/json": { schema } } };
}

/** Only for types: the schema that parses a body. */
declare const SCHEMA: unique symbol;

/** A JSON body in a route: plain OpenAPI for Hono, typed for clients. */
export interface JsonBody<Schema extends z.ZodType> {
  readonly required: false;
  readonly content: { readonly "application/json": { readonly schema: object } };
  readonly [SCHEMA]?: Schema;
}

/**
 * A JSON body with this schema, declared as plain OpenAPI. The handler reads it with `readOptionalJson`, which has a
 * size limit, and the same schema.
 */
export function jsonBody<Schema extends z.ZodType>(
  schema: Schema,
  ...alsoAs: readonly string[]
): JsonBody<Schema> {
  const { $schema: _, ...plain } = z.toJSONSchema(schema, { io: "input" });
  const types = ["application/json", ...alsoAs];
  const content = Object.fromEntries(types.map((type) => [type, { schema: plain as object }]));
  return { required: false, content: content as JsonBody<Schema>["content"] };
}

/** Headers of problems, by status. */
const PROBLEM_HEADERS: Readonly<Record<number, readonly ResponseHeader[]>> = {
  401: ["WWW-Authenticate"],
  403: ["WWW-Authenticate"],
  409: ["Retry-After"],
  415: ["Accept", "Accept-Encoding"],
  416: ["Content-Range"],
  429: ["Retry-After"],
  503: ["Retry-After"],
  504: ["Retry-After"],
};

/** The problems of a route: an entry per status, with the meaning and an example of each of its codes. */
export function problemResponses(codes: readonly ErrorCode[]): Responses {
  const byStatus = Map.groupBy(new Set(codes), (code) => STATUS[code]);
  const entries = [...byStatus].map(([status, names]) => [
    status,
    {
      description: names.map((name) => `- \`${name}\`: ${ERROR_GUIDE[name]}`).join("\n"),
      headers: responseHeaders(...(PROBLEM_HEADERS[status] ?? [])),
      content: {
        "application/problem+json": {
          schema: ProblemSchema,
          examples: Object.fromEntries(
            names.map((name) => [name, { $ref: `#/components/examples/${name}` }]),
          ),
        },
      },
    },
  ]);
  return Object.fromEntries(entries);
}

/** Successful responses and problems. Two under the same status become one with both contents. */
export function mergeResponses(responses: Responses, problems: Responses): Responses {
  const merged: Responses = { ...problems, ...responses };
  for (const [status, problem] of Object.entries(problems)) {
    const response = responses[status];
    if (response === undefined || "$ref" in response || "$ref" in problem) continue;
    merged[status] = {
      ...response,
      description: `${response.description}, or:\n${problem.description}`,
      headers: { ...response.headers, ...problem.headers } as NonNullable<typeof response.headers>,
      content: { ...response.content, ...problem.content },
    };
  }
  return merged;
}
