import { expect, test } from "vitest";
import { type ErrorCode, RangeNotSatisfiableError, StowageError } from "../../src/domain/errors.ts";
import { HttpError, ProblemSchema, problemResponse, STATUS } from "../../src/http/problem.ts";

const CODES = Object.keys(STATUS) as ErrorCode[];
const SECRET = "/var/secret/path s3://bucket AKIA-KEY";

async function reported(error: unknown) {
  const response = problemResponse(error, "r-1");
  const text = await response.text();
  return { response, text, problem: ProblemSchema.strict().parse(JSON.parse(text)) };
}

test.each(CODES)("problemResponse() reports %s as RFC 9457 requires", async (code) => {
  const { response, problem } = await reported(new StowageError(code, "Cannot do it: no"));
  expect(response.status).toBe(STATUS[code]);
  expect(response.headers.get("Content-Type")).toBe("application/problem+json");
  expect(problem).toMatchObject({ code, status: STATUS[code], request_id: "r-1" });
  expect(problem.title).not.toBe("Error");
  expect(response.headers.has("Retry-After")).toBe(
    [429, 503, 504].includes(STATUS[code]) || code === "idempotency_key_in_use",
  );
});

test.each(
  CODES.filter((code) => STATUS[code] >= 500 || code === "invalid_key"),
)("problemResponse() hides the message of %s from callers", async (code) => {
  const error = new StowageError(code, SECRET, {
    cause: new Error(SECRET),
    data: { key: SECRET },
  });
  const { text, problem } = await reported(error);
  expect(text).not.toMatch(/secret|bucket|AKIA/);
  expect(problem.detail).not.toBe("");
});

test.each([
  ["an error", new Error(SECRET)],
  ["a string", SECRET],
  ["nothing", undefined],
  ["a code that this copy does not know", new StowageError("from_the_future" as ErrorCode, SECRET)],
  ["a code that is a property of every object", new StowageError("toString" as ErrorCode, SECRET)],
])("problemResponse() reports %s as internal", async (_, thrown) => {
  const { text, problem } = await reported(thrown);
  expect(problem).toMatchObject({ code: "internal", status: 500 });
  expect(text).not.toContain("secret");
});

test("problemResponse() takes an abort for what it is", async () => {
  const error = new DOMException("This operation was aborted", "AbortError");
  expect((await reported(error)).problem.code).toBe("request_aborted");
});

test("problemResponse() lists the fields that were wrong, and sends the headers of the error", async () => {
  const errors = [{ parameter: "limit", detail: "Expected a number" }];
  const error = new HttpError("invalid_parameter", "Cannot", {
    errors,
    headers: { "X-More": "1" },
  });
  const { response, problem } = await reported(error);
  expect(problem.errors).toEqual(errors);
  expect(response.headers.get("X-More")).toBe("1");
});

test("problemResponse() reports the size of the file when a range misses it", async () => {
  const { response } = await reported(new RangeNotSatisfiableError(42));
  expect(response.headers.get("Content-Range")).toBe("bytes */42");
});
