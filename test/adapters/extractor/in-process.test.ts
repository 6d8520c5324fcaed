import { getEventListeners } from "node:events";
import { setTimeout } from "node:timers/promises";
import { expect, it } from "vitest";
import text from "../../../processors/text.ts";
import { InProcessExtractor } from "../../../src/adapters/extractor/in-process.ts";
import { SILENT } from "../../../src/domain/ports/logger.ts";
import { defineProcessor, StowageError } from "../../../src/processor.ts";
import asking from "./asking.ts";
import { deed, document, failureOf } from "./harness.ts";

const HELLO = new TextEncoder().encode("Hello\ud83d, reader");

const stuck = defineProcessor({
  name: "hostile",
  version: "1",
  accepts: ["text/x-hostile"],
  process: () => new Promise(() => {}),
});

const here = (concurrency = 1) =>
  new InProcessExtractor({ processors: [text, stuck], concurrency, logger: SILENT });

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

it("run() removes its listeners from a signal that lives on", async () => {
  const signals: AbortSignal[] = [];
  const keeping = defineProcessor({
    name: "keeping",
    version: "1",
    accepts: ["text/plain"],
    async process({ extension }, { signal }) {
      signals.push(signal);
      if (extension === ".bad") throw new StowageError("document_unreadable", "Cannot read it");
      return { output: {} };
    },
  });
  const extractor = new InProcessExtractor({
    processors: [keeping],
    concurrency: 1,
    logger: SILENT,
  });
  const { signal } = new AbortController();
  const known = { processor: "keeping", signal };
  await extractor.run(document(HELLO, known));
  await failureOf(extractor.run(document(HELLO, { ...known, extension: ".bad" })));
  // The processor's own follows the caller's, and is kept by it while it has listeners.
  const listeners = [signal, ...signals].map((one) => getEventListeners(one, "abort").length);
  expect(listeners).toEqual([0, 0, 0]);
});

it("run() ends when a processor takes too long, and aborts its signal", async () => {
  const aborted = Promise.withResolvers<unknown>();
  const slow = defineProcessor({
    name: "slow",
    version: "1",
    accepts: ["text/plain"],
    process(_input, { signal }) {
      signal.addEventListener("abort", () => aborted.resolve(signal.reason));
      return new Promise(() => {});
    },
  });
  const extractor = new InProcessExtractor({
    processors: [slow, text],
    concurrency: 1,
    logger: SILENT,
    limits: { wallMs: 20 },
  });
  const error = await failureOf(extractor.run(document(HELLO, { processor: "slow" })));
  expect([error.code, error.data]).toEqual(["document_too_complex", { limit: "wall" }]);
  expect(await aborted.promise).toBe(error);
  expect((await extractor.run(document(HELLO))).output).toMatchObject({ words: 2 });
});

it("run() does not count the time that the document takes to arrive, nor that of another extractor", async () => {
  const extractor = new InProcessExtractor({
    processors: [asking],
    concurrency: 1,
    logger: SILENT,
    limits: { wallMs: 200 },
    async findText({ open }) {
      for await (const _ of await open()) await setTimeout(300);
      return "found elsewhere";
    },
  });
  async function* slow() {
    await setTimeout(300);
    yield HELLO;
  }
  const open = async () => slow();
  const streaming = { processor: "asking", extension: ".stream", open };
  expect((await extractor.run(document(HELLO, streaming))).output).toEqual({ got: [HELLO.length] });
  const asked = { ...streaming, extension: ".text" };
  expect((await extractor.run(document(HELLO, asked))).output).toEqual({
    got: ["found elsewhere"],
  });
});

it("run() passes on what the extractor of texts has to say of itself", async () => {
  const findText = () => Promise.reject(new StowageError("extractor_crashed", "Cannot"));
  const extractor = new InProcessExtractor({
    processors: [asking],
    concurrency: 1,
    logger: SILENT,
    findText,
  });
  for (const extension of [".text", ".anyhow"]) {
    const error = await failureOf(
      extractor.run(document(HELLO, { processor: "asking", extension })),
    );
    expect(error.code).toBe("extractor_crashed");
  }
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
