import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { errorOf, isTrace, traceOf } from "../../src/domain/error-trace.ts";

const CANARY = "canary";
const STACKS = { stacks: true };

/** Messages that look like frames. */
const message = fc.oneof(
  fc.constantFrom(
    `${CANARY}\n    at ${CANARY} (file:///a.ts:1:2)`,
    `\n    at ${CANARY} (file:///a.ts:1:2)\n    at ${CANARY} (file:///a.ts:1:2)`,
    `    at ${CANARY} (file:///a.ts:1:2)`,
    "",
  ),
  fc.string().map((text) => `${text}${CANARY}`),
);

/** Values that a parser may throw for a document. */
const thrown = fc.oneof(
  message,
  message.map((text) => new Error(text)),
  message.map((text) => new RangeError(text, { cause: new TypeError(text, { cause: text }) })),
  message.map((text) => new AggregateError([new Error(text)], text)),
  message.map((text) => Object.assign(new Error(text), { code: text, data: text, path: text })),
  fc
    .tuple(message, message)
    .map(([before, after]) => Object.assign(new Error(before), { message: after })),
  message.map((text) => ({ name: text, message: text, stack: text })),
);

function failing(text: string): Error {
  return Object.assign(new TypeError(text), { code: "ERR_X" });
}

describe("traceOf()", () => {
  it("contains nothing that may come from a document", () => {
    fc.assert(
      fc.property(thrown, (error) => {
        const trace = traceOf(error, STACKS);
        expect(isTrace(trace)).toBe(true);
        expect(JSON.stringify(trace)).not.toContain(CANARY);
      }),
    );
  });

  it("contains names, codes and frames, outermost error first", () => {
    const error = new Error(CANARY, { cause: failing(`${CANARY}\nin two lines`) });
    const [first, second, ...others] = traceOf(error, STACKS);
    expect(first).toMatchObject({ name: "Error" });
    expect(second).toMatchObject({ name: "TypeError", code: "ERR_X" });
    expect(others).toEqual([]);
    expect(second?.stack?.[0]).toMatch(/^at failing \(.*error-trace\.test\.ts:\d+:\d+\)$/);
    expect(traceOf(error, { stacks: false })).toEqual([
      { name: "Error" },
      { name: "TypeError", code: "ERR_X" },
    ]);
  });

  it("is short for any input", () => {
    let chain = new Error("0");
    for (let depth = 1; depth < 100; depth += 1) chain = new Error(String(depth), { cause: chain });
    expect(traceOf(chain, STACKS)).toHaveLength(5);
    const circle = new Error("circle");
    circle.cause = circle;
    expect(traceOf(circle, STACKS)).toHaveLength(5);
    for (const nothing of [undefined, null]) expect(traceOf(nothing, STACKS)).toEqual([]);
    expect(traceOf("text", STACKS)).toEqual([{ name: "string" }]);
    const hostile = Object.defineProperty(new Error("x"), "name", {
      get() {
        throw new Error(CANARY);
      },
    });
    expect(traceOf(hostile, STACKS)).toEqual([{ name: "unreadable" }]);
    expect(traceOf(Object.assign(new Error("x"), { name: "a b" }), STACKS)[0]?.name).toBe("Error");
  });
});

describe("errorOf()", () => {
  it("makes an error with the same trace", () => {
    const trace = traceOf(new Error("a", { cause: failing("b") }), STACKS);
    expect(trace[0]?.stack).not.toEqual([]);
    expect(traceOf(errorOf(trace), STACKS)).toEqual(trace);
    expect(errorOf([])).toBeUndefined();
  });
});
