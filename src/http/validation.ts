import type { Hook } from "@hono/zod-openapi";
import type { z } from "zod";
import type { HttpEnv } from "./endpoint.ts";
import { type FieldProblem, invalidFields } from "./problem.ts";

/** The invalid fields: parameters by name, places in JSON as JSON pointers (RFC 6901). */
export function fieldProblems(target: string, error: z.ZodError): FieldProblem[] {
  return error.issues.map((issue) => {
    const path = issue.path.map(String);
    if (target !== "json") return { parameter: path.join("."), detail: issue.message };
    const pointer = path.map((name) => `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`);
    return { pointer: pointer.join(""), detail: issue.message };
  });
}

/**
 * Runs after @hono/zod-validator has checked the parameters of a route: invalid ones become one problem that lists
 * them all. See docs/adr/0017.
 */
// biome-ignore lint/suspicious/noExplicitAny: it is used for every route, whatever its input
export const validationHook: Hook<any, HttpEnv, any, void> = (result) => {
  if (result.success) return;
  throw invalidFields(fieldProblems(result.target, result.error));
};
