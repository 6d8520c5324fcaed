import { expect } from "vitest";
import { ProblemSchema } from "../../src/http/problem.ts";

/** The problem in an answer, which has to be one through and through. */
export async function problemOf(answer: Response): Promise<{ status: number; code: string }> {
  expect(answer.headers.get("Content-Type")).toBe("application/problem+json");
  const problem = ProblemSchema.strict().parse(await answer.json());
  expect(problem.status).toBe(answer.status);
  expect(problem.request_id).toBe(answer.headers.get("X-Request-Id"));
  return { status: problem.status, code: problem.code };
}
