import type { Hook } from "@hono/zod-openapi";
import type { z } from "zod";
import type { HttpEnv } from "./endpoint.ts";
import { type FieldProblem, HttpError } from "./problem.ts";

/** What is wrong, field by field: parameters by their name, places in JSON as RFC 6901 points to them. */
export function fieldProblems(target: string, error: z.ZodError): FieldProblem[] {
  return error.issues.map((issue) => {
    const path = issue.path.map(String);
    if (target !== "json") return { parameter: path.join("."), detail: issue.message };
    const pointer = path.map((name) => `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`);
    return { pointer: pointer.join(""), detail: issue.message };
  });
}

/** Parameters that do not fit their schema are one problem that lists them all. */
// biome-ignore lint/suspicious/noExplicitAny: it stands before every route, whatever its input
export const validationHook: Hook<any, HttpEnv, any, void> = (result) => {
  if (result.success) return;
  throw new HttpError("invalid_parameter", "Cannot use request: some parameters are wrong", {
    errors: fieldProblems(result.target, result.error),
  });
};
