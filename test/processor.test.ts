import { describe, expect, it } from "vitest";
import { PROCESSOR_MARK } from "../src/domain/port-mark.ts";
import { processDocument } from "../src/node.ts";
import { defineProcessor, type Processor, type ProcessorInput } from "../src/processor.ts";

const GOOD: Processor = {
  name: "good",
  version: "1.0-beta+2",
  accepts: ["text/*", "application/vnd.acme+json", "*/*"],
  process: async () => ({ output: {} }),
};

describe("defineProcessor()", () => {
  it("marks and freezes a copy, and calls what it was given", async () => {
    class Counting implements Processor {
      readonly name = "counting";
      readonly version = "1";
      readonly accepts = ["text/plain"];
      #runs = 0;
      async process(input: ProcessorInput) {
        this.#runs += 1;
        return { output: { runs: this.#runs, type: input.contentType } };
      }
    }
    const given = new Counting();
    const defined = defineProcessor(given);
    expect(PROCESSOR_MARK.versionOf(defined)).toBe(1);
    expect([Object.isFrozen(defined), Object.isFrozen(defined.accepts)]).toEqual([true, true]);
    expect(Object.isFrozen(given)).toBe(false);
    await processDocument(defined, new Uint8Array(1));
    const { output } = await processDocument(defined, new Uint8Array(1));
    expect(output).toEqual({ runs: 2, type: "text/plain" });
  });

  it.each<[string, Partial<Record<keyof Processor, unknown>>]>([
    ["its name must be", { name: "Upper" }],
    ["its name must be", { name: "-dash" }],
    ["its name must be", { name: "a".repeat(41) }],
    ["its name must be 1 to 40 of a-z 0-9 -, found undefined", { name: undefined }],
    ["its version must be", { version: "" }],
    ["its version must be", { version: "one two" }],
    ["its version must be 1 to 40 of A-Z a-z 0-9 . _ + -, found number", { version: 1 }],
    ["it must accept at least one media type", { accepts: [] }],
    ["it must accept at least one media type", { accepts: "text/plain" }],
    ['in lower case, found "Text/Plain"', { accepts: ["text/html", "Text/Plain"] }],
    ['found "text/html; charset=utf-8"', { accepts: ["text/html; charset=utf-8"] }],
    ['found "pdf"', { accepts: ["pdf"] }],
    ["it needs a function process", { process: undefined }],
  ])("refuses with %j what is wrong: %j", (problem, change) => {
    const wrong = { ...GOOD, ...change } as Processor;
    expect(() => defineProcessor(wrong)).toThrow(problem);
    expect(() => defineProcessor(wrong)).toThrow(
      expect.objectContaining({ code: "invalid_config" }),
    );
  });

  it("names all that is wrong at once", () => {
    const wrong = { name: "", version: "", accepts: [] } as unknown as Processor;
    expect(() => defineProcessor(wrong)).toThrow(
      /its name .*; its version .*; it must accept at least one media type; it needs a function/,
    );
  });
});

describe("processDocument()", () => {
  const answering = (answer: unknown) =>
    defineProcessor({ ...GOOD, process: async () => answer as never });
  const bytes = new TextEncoder().encode("Hello, world");

  it("gives a processor the document as the service does", async () => {
    const curious = defineProcessor({
      ...GOOD,
      process: async (input, { maxTextBytes }) => ({
        output: { type: input.contentType, extension: input.extension, maxTextBytes },
        text: await input.text(),
      }),
    });
    const options = { contentType: "text/csv", extension: ".csv", maxTextBytes: 1024 };
    const { output, text } = await processDocument(curious, bytes, options);
    expect(output).toEqual({ type: "text/csv", extension: ".csv", maxTextBytes: 1024 });
    expect(text).toBe("Hello, world");
  });

  it.each([
    ["no output", undefined],
    ["no JSON", { output: { big: 1n } }],
    ["too much output", { output: { all: "x".repeat(65_536) } }],
    ["too much text", { output: {}, text: "x".repeat(2000) }],
  ])("holds it to its contract: %s", async (_what, answer) => {
    const running = processDocument(answering(answer), bytes, { maxTextBytes: 1000 });
    await expect(running).rejects.toMatchObject({
      code: "processor_failed",
      cause: expect.any(Error),
    });
  });

  it("ends when time is up, or the caller gives up", async () => {
    const stuck = defineProcessor({ ...GOOD, process: () => new Promise(() => {}) });
    const late = processDocument(stuck, bytes, { timeoutMs: 1 });
    await expect(late).rejects.toMatchObject({ code: "document_too_complex" });
    const given = processDocument(stuck, bytes, { signal: AbortSignal.abort() });
    await expect(given).rejects.toMatchObject({ code: "request_aborted" });
  });
});
