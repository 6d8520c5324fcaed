import type { RouteConfig } from "@hono/zod-openapi";
import { z } from "zod";
import type { ErrorCode } from "../../domain/errors.ts";
import { ERROR_GUIDE } from "../openapi/error-guide.ts";
import { type ResponseHeader, responseHeaders } from "../openapi/headers.ts";
import { ProblemSchema, STATUS } from "../problem.ts";

type Responses = RouteConfig["responses"];

/** A JSON answer of this shape. */
export function json<Schema extends z.ZodType>(description: string, schema: Schema) {
  return { description, content: { "application/json": { schema } } };
}

/** Only for types: which schema a body is read with. */
declare const SCHEMA: unique symbol;

/** A JSON body in a route. It looks like any other to the framework, and clients know its type. */
export interface JsonBody<Schema extends z.ZodType> {
  readonly required: false;
  readonly content: { readonly "application/json": { readonly schema: object } };
  readonly [SCHEMA]?: Schema;
}

/**
 * A JSON body of this shape, as a plain OpenAPI schema: the handler reads it, under its own limit, with the
 * same zod schema.
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

/** What problems of a status may tell in headers. */
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

/** The problems of a route, one entry a status, its codes told with what they mean and an example each. */
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

/** Both answers together; those under the same status become one with both of their contents. */
export function mergeResponses(answers: Responses, problems: Responses): Responses {
  const merged: Responses = { ...problems, ...answers };
  for (const [status, problem] of Object.entries(problems)) {
    const answer = answers[status];
    if (answer === undefined || "$ref" in answer || "$ref" in problem) continue;
    merged[status] = {
      ...answer,
      description: `${answer.description}, or:\n${problem.description}`,
      headers: { ...answer.headers, ...problem.headers } as NonNullable<typeof answer.headers>,
      content: { ...answer.content, ...problem.content },
    };
  }
  return merged;
}
