import { expect, it } from "vitest";
import text from "../../../processors/text.ts";
import { createInProcessExtractor } from "../../../src/adapters/extractor/in-process.ts";
import { SILENT } from "../../../src/domain/ports/logger.ts";
import { defineProcessor } from "../../../src/processor.ts";
import { deed, document, failureOf } from "./harness.ts";

const HELLO = new TextEncoder().encode("Hello\ud83d, reader");

const stuck = defineProcessor({
  name: "hostile",
  version: "1",
  accepts: ["text/x-hostile"],
  process: () => new Promise(() => {}),
});

const here = (concurrency = 1) =>
  createInProcessExtractor({ processors: [text, stuck], concurrency, logger: SILENT });

it("run() answers like an extraction process does", async () => {
  expect(await here().run(document(HELLO))).toEqual({
    output: { characters: 14, words: 2, truncated: false },
    text: "Hello\uFFFD, reader",
  });
});

it("run() passes on what opening or reading throws, and frees its place", async () => {
  const extractor = here();
  const trouble = new Error("the storage is away");
  async function* broken() {
    yield HELLO;
    throw trouble;
  }
  const half = document(HELLO, { sizeBytes: 1000, open: async () => broken() });
  await expect(extractor.run(half)).rejects.toBe(trouble);
  const failing = document(HELLO, { open: () => Promise.reject(trouble) });
  await expect(extractor.run(failing)).rejects.toBe(trouble);
  expect((await extractor.run(document(HELLO))).output).toMatchObject({ words: 2 });
});

it("run() ends at once when it is aborted, at work or waiting", async () => {
  const extractor = here();
  const stop = new AbortController();
  const working = failureOf(extractor.run(deed("", { signal: stop.signal })));
  const waiting = failureOf(extractor.run(deed("", { signal: stop.signal })));
  const next = extractor.run(document(HELLO));
  stop.abort();
  expect((await working).code).toBe("request_aborted");
  expect((await waiting).code).toBe("request_aborted");
  expect((await next).output).toMatchObject({ words: 2 });
});

it("run() refuses a processor that it does not have", async () => {
  const error = await failureOf(here().run(document(HELLO, { processor: "ocr" })));
  expect(error.code).toBe("processor_missing");
});

it("close() ends what is at work and takes no more", async () => {
  const extractor = here();
  await extractor.check();
  const working = failureOf(extractor.run(deed("")));
  await extractor.close();
  expect((await working).code).toBe("extractor_unavailable");
  expect((await failureOf(extractor.run(document(HELLO)))).code).toBe("extractor_unavailable");
});
