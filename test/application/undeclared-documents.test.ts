import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import text from "../../processors/text.ts";
import { CHARSET_TEXTS, charsetFile } from "../fixtures/charset-texts.ts";
import { compoundFile } from "../fixtures/compound.ts";
import { ACME, testServices, textOf } from "../support/services.ts";

const OOXML = "application/vnd.openxmlformats-officedocument";
const FIXTURES = join(import.meta.dirname, "..", "fixtures");
const fixture = (...names: string[]) => new Uint8Array(readFileSync(join(FIXTURES, ...names)));

/** Send a file as `curl -T` does, and wait until it is settled. */
async function send(originalFilename: string, bytes: Uint8Array, declaredType?: string) {
  const { uploads, worker, processing } = await testServices({ processors: [text] });
  const { id, status, contentType } = await uploads.upload({
    tenant: ACME,
    createdBy: "key:x",
    originalFilename,
    declaredType,
    body: { kind: "bytes", bytes },
    details: async () => ({ autoProcess: true, metadata: {} }),
  });
  expect(status).toBe("queued");
  worker.start();
  await worker.idle();
  const { results } = await processing.result(ACME, id);
  const found = await results[0]?.openText?.();
  const { status: end, processing: job } = await uploads.get(ACME, id);
  return {
    contentType,
    status: end,
    error: job.error,
    text: found === undefined ? null : await textOf(found),
  };
}

describe("a document without a declared type", () => {
  test.each([
    "windows-1252",
    "shift_jis",
    "gbk",
    "windows-1251",
    "koi8-r",
  ])("is read in %s", async (charset) => {
    const sent = await send("a", fixture("charsets", charsetFile(charset)));
    expect(sent).toMatchObject({ contentType: "text/plain", status: "processed" });
    expect(sent.text).toBe(CHARSET_TEXTS[charset]?.trimEnd());
  });

  test.each([
    ["a.csv", undefined, "a,b\n", "text/csv"],
    ["a.CSV", "application/vnd.ms-excel", "a,b\n", "text/csv"],
    ["a.md", "application/octet-stream", "# a", "text/markdown"],
    ["a.json", undefined, "{}", "application/json"],
    ["a.csv", "text/plain", "a,b\n", "text/plain"],
    ["csv", undefined, "a,b\n", "text/plain"],
    ["a.doc", "application/msword", "a letter", "text/plain"],
  ])("named %s and declared %s gets the text type of its name", async (name, declared, content, type) => {
    const sent = await send(name, new Uint8Array(Buffer.from(content)), declared);
    expect(sent).toMatchObject({ contentType: type, status: "processed" });
  });

  test("does not count as text because of its name", async () => {
    const noise = new Uint8Array([0x9f, 2, 0xd8, 0xff, 0, 0x17]);
    const { uploads } = await testServices();
    const upload = await uploads.upload({
      tenant: ACME,
      createdBy: "key:x",
      originalFilename: "a.csv",
      body: { kind: "bytes", bytes: noise },
      details: async () => ({ autoProcess: null, metadata: {} }),
    });
    expect(upload.contentType).toBe("application/octet-stream");
  });

  test.each([
    [undefined, "application/x-cfb"],
    ["application/octet-stream", "application/x-cfb"],
    ["image/png", "application/x-cfb"],
    [`${OOXML}.spreadsheetml.sheet`, `${OOXML}.spreadsheetml.sheet`],
  ])("fails because of its password, declared as %s", async (declared, contentType) => {
    const bytes = new Uint8Array(compoundFile("EncryptedPackage"));
    const sent = await send("a.docx", bytes, declared);
    expect(sent).toMatchObject({
      contentType,
      status: "failed",
      text: null,
      error: { code: "document_encrypted", retryable: false },
    });
  });

  test.each([
    ["circle.doc", "application/msword"],
    ["shelf.xls", "application/vnd.ms-excel"],
  ])("fails with the advice to save it again, such as %s", async (name, contentType) => {
    const sent = await send(name, fixture(name));
    const error = { code: "document_unreadable", detail: expect.stringContaining("save it as") };
    expect(sent).toMatchObject({ contentType, status: "failed", error });
  });

  test("is read as UTF-16 with a byte order mark", async () => {
    const sent = await send("a", new Uint8Array(Buffer.from("\ufeffZoë,5 €\r\n", "utf16le")));
    expect(sent).toMatchObject({ status: "processed", text: "Zoë,5 €" });
  });
});
