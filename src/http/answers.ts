import type { RouteConfig } from "@hono/zod-openapi";
import { z } from "zod";
import type { ErrorCode } from "../domain/errors.ts";
import { ProblemSchema, STATUS } from "./problem.ts";

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
export function jsonBody<Schema extends z.ZodType>(schema: Schema): JsonBody<Schema> {
  const { $schema: _, ...plain } = z.toJSONSchema(schema, { io: "input" });
  return { required: false, content: { "application/json": { schema: plain as object } } };
}

/** The problems of a route, one entry a status, its codes named. */
export function problemResponses(codes: readonly ErrorCode[]): Responses {
  const byStatus = Map.groupBy(new Set(codes), (code) => STATUS[code]);
  const entries = [...byStatus].map(([status, names]) => [
    status,
    {
      description: names.map((name) => `\`${name}\``).join(", "),
      content: { "application/problem+json": { schema: ProblemSchema } },
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
      description: `${answer.description}; ${problem.description}`,
      content: { ...answer.content, ...problem.content },
    };
  }
  return merged;
}
