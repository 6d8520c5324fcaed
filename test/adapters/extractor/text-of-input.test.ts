import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import text from "../../../processors/text.ts";
import { createChildExtractor } from "../../../src/adapters/extractor/child-process.ts";
import { InProcessExtractor } from "../../../src/adapters/extractor/in-process.ts";
import type { Extraction, Extractor } from "../../../src/domain/ports/extractor.ts";
import { SILENT } from "../../../src/domain/ports/logger.ts";
import { nodeExtractCommand } from "../../../src/runtime/extraction/extract-command.ts";
import { nodeHost } from "../../../src/runtime/host-node.ts";
import asking from "./asking.ts";
import { document, failureOf } from "./harness.ts";

const MAX_TEXT_BYTES = 4000;

/** Where processors run, and where the text they ask for is found. */
const PLACES: Record<string, () => Extractor> = {
  "in a process of its own": () =>
    createChildExtractor({
      ...{
        host: nodeHost,
        processors: [text, asking],
        concurrency: 1,
        logger: SILENT,
        clock: Date,
      },
      command: nodeExtractCommand({ modules: [new URL("./asking.ts", import.meta.url).href] }),
      limits: { maxTextBytes: MAX_TEXT_BYTES },
    }),
  here: () =>
    new InProcessExtractor({
      processors: [text, asking],
      concurrency: 1,
      logger: SILENT,
      limits: { maxTextBytes: MAX_TEXT_BYTES },
    }),
};

const fixture = (name: string) => readFileSync(join(import.meta.dirname, "../../fixtures", name));

describe.each(Object.entries(PLACES))("text() of what is processed %s", (_where, open) => {
  const extractor = open();
  afterAll(() => extractor.close());

  /** What the processor got that asked in these ways. */
  async function ask(bytes: Uint8Array, ways: string, changes: Partial<Extraction> = {}) {
    const extension = `.${ways}`;
    const extraction = document(bytes, { processor: "asking", extension, ...changes });
    return (await extractor.run(extraction)).output["got"] as unknown[];
  }
  const pdf = { contentType: "application/pdf" };

  it("is what text finds, also beside bytes() and as often as asked", async () => {
    const bytes = fixture("report.pdf");
    const [first, length, second, again] = await ask(bytes, "bytes-bytes-text-text", pdf);
    expect(first).toBe(bytes.byteLength);
    expect(length).toBe(bytes.byteLength);
    expect(second).toContain("Harbour survey\n\nDepths");
    expect(again).toBe(second);
    expect(await ask(bytes, "text", pdf)).toEqual([second]);
  });

  it("leaves the array that bytes() gave as it was", async () => {
    const bytes = fixture("report.pdf");
    const got = await ask(bytes, "bytes-text-bytes", pdf);
    expect([got[0], got[2]]).toEqual([bytes.byteLength, bytes.byteLength]);
  });

  it("is cut at the limit", async () => {
    const [found] = await ask(Buffer.from("é".repeat(MAX_TEXT_BYTES)), "text");
    expect(found).toBe("é".repeat(MAX_TEXT_BYTES / 2));
  });

  it("fails with the document's own errors, which pass through or can be caught", async () => {
    const bytes = fixture("encrypted.pdf");
    expect((await failureOf(ask(bytes, "text", pdf))).code).toBe("document_encrypted");
    expect(await ask(bytes, "anyhow", pdf)).toEqual(["document_encrypted"]);
    const image = { contentType: "image/x-unknown" };
    const error = await failureOf(ask(bytes, "text", image));
    expect(error.message).toBe("Cannot find text: image/x-unknown is not supported");
    expect(error.code).toBe("document_unreadable");
  });

  it.each([
    "stream-text",
    "text-bytes",
    "text-stream",
    "stream-stream",
  ])("refuses a document that was read already: %s", async (ways) => {
    const error = await failureOf(ask(Buffer.from("Hello"), ways));
    expect(error.code).toBe("processor_failed");
  });

  it("is not looked for again where it is known why there is none", async () => {
    const textFailure = { code: "document_too_complex", detail: "It was too much" } as const;
    const known = (extension: string) =>
      document(new TextEncoder().encode("Some text"), {
        processor: "asking",
        extension,
        textFailure,
      });
    expect(await failureOf(extractor.run(known(".text")))).toMatchObject({
      code: "document_too_complex",
      message: "It was too much",
      retryable: false,
    });
    expect((await extractor.run(known(".bytes-anyhow"))).output).toEqual({
      got: [9, "document_too_complex"],
    });
  });

  it("blames a storage that fails on nothing else, though the processor catches it", async () => {
    const trouble = new Error("the storage is away");
    async function* broken() {
      yield Buffer.from("Hello");
      throw trouble;
    }
    const changes = { sizeBytes: 100, open: async () => broken() };
    await expect(ask(Buffer.from(""), "anyhow", changes)).rejects.toBe(trouble);
  });
});
