import { expect, it } from "vitest";
import { createCompositeExtractor } from "../../../src/adapters/extractor/composite.ts";
import { InProcessExtractor } from "../../../src/adapters/extractor/in-process.ts";
import { SILENT } from "../../../src/domain/ports/logger.ts";
import { defineProcessor } from "../../../src/processor.ts";
import { document, failureOf } from "./harness.ts";

const processorNamed = (name: string, by: string) =>
  defineProcessor({
    name,
    version: "1",
    accepts: ["text/plain"],
    process: async () => ({ output: { by } }),
  });

function part(by: string, concurrency: number, ...names: string[]) {
  const processors = names.map((name) => processorNamed(name, by));
  return new InProcessExtractor({ processors, concurrency, logger: SILENT });
}

it("run() goes to the first part that has the processor", async () => {
  const both = createCompositeExtractor([part("first", 2, "a", "b"), part("second", 1, "b", "c")]);
  expect(both.processors.map(({ name }) => name)).toEqual(["a", "b", "b", "c"]);
  expect(both.concurrency).toBe(2);
  for (const [processor, by] of [
    ["a", "first"],
    ["b", "first"],
    ["c", "second"],
  ] as const) {
    const { output } = await both.run(document(new Uint8Array(1), { processor }));
    expect(output).toEqual({ by });
  }
  const error = await failureOf(both.run(document(new Uint8Array(1), { processor: "ocr" })));
  expect(error.code).toBe("processor_missing");
});

it("check() fails if one part does, and close() closes all", async () => {
  const check = () => Promise.reject(new Error("no process"));
  const sick = Object.assign(part("sick", 1, "a"), { check });
  const well = part("well", 1, "b");
  const both = createCompositeExtractor([well, sick]);
  await expect(both.check()).rejects.toThrow("no process");
  await expect(createCompositeExtractor([well]).check()).resolves.toBeUndefined();
  await both.close();
  const error = await failureOf(both.run(document(new Uint8Array(1), { processor: "b" })));
  expect(error.code).toBe("extractor_unavailable");
});
