import type { RouteConfig } from "@hono/zod-openapi";
import type { z } from "zod";
import type { ErrorCode } from "../domain/errors.ts";
import { ProblemSchema, STATUS } from "./problem.ts";

type Answers = RouteConfig["responses"];

/** A JSON answer of this shape. */
export function json<Schema extends z.ZodType>(description: string, schema: Schema) {
  return { description, content: { "application/json": { schema } } };
}

/** The problems a route may answer with, one entry a status, its codes named. */
export function problems(...codes: readonly ErrorCode[]): Answers {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes)
    byStatus.set(STATUS[code], [...(byStatus.get(STATUS[code]) ?? []), code]);
  return Object.fromEntries(
    [...byStatus].map(([status, names]) => [
      status,
      {
        description: names.map((name) => `\`${name}\``).join(", "),
        content: { "application/problem+json": { schema: ProblemSchema } },
      },
    ]),
  );
}

/** What every route may answer that asks who is calling. */
export const ACCESS_PROBLEMS = problems(
  "unauthenticated",
  "insufficient_scope",
  "records_unavailable",
);
