import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import metadata from "../../../processors/metadata.ts";
import text from "../../../processors/text.ts";
import { ACME, testServices } from "../../support/services.ts";

const fixture = (name: string) =>
  readFileSync(join(import.meta.dirname, "..", "..", "fixtures", name));

/** Upload, process, and return the outcome: the status, and each processor's output or error. */
async function processed(bytes: Uint8Array, names?: readonly string[]) {
  const services = await testServices({ processors: [text, metadata] });
  const { id } = await services.put(bytes, names === undefined);
  if (names !== undefined) await services.processing.reprocess(ACME, id, names);
  services.worker.start();
  await services.worker.idle();
  const { upload, results } = await services.processing.result(ACME, id);
  const ends = results.map(({ name, output, error }) => [name, error?.code ?? output]);
  return { status: upload.status, ...Object.fromEntries(ends) };
}

it("metadata runs beside text on arrival", async () => {
  expect(await processed(fixture("report.pdf"))).toMatchObject({
    status: "processed",
    metadata: { pages: 3, words: 59, producer: "LibreOffice 7.4" },
    text: { pages: 3, words: 59 },
  });
});

it("metadata of a document without text is kept, though text fails", async () => {
  expect(await processed(fixture("images-only.pdf"))).toEqual({
    status: "failed",
    metadata: { pages: 2, words: 0, characters: 0 },
    text: "document_has_no_text",
  });
});

it("metadata and text give the same reason for what neither can read", async () => {
  expect(await processed(fixture("encrypted.pdf"))).toEqual({
    status: "failed",
    metadata: "document_encrypted",
    text: "document_encrypted",
  });
});

it("metadata runs alone where it alone is asked for", async () => {
  const found = await processed(fixture("report.pdf"), ["metadata"]);
  expect(found).toMatchObject({ status: "processed", metadata: { pages: 3 } });
  expect(found).not.toHaveProperty("text");
});
