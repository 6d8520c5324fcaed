import fc from "fast-check";
import { expect, it } from "vitest";
import { crc32 } from "../../../processors/formats/crc32.ts";
import { ZIP_LIMITS, ZipArchive } from "../../../processors/formats/zip.ts";
import { isStowageError } from "../../../src/processor.ts";
import { archive, deflatedRepeat, type ZipPart } from "../../fixtures/zip-writer.ts";
import { inputOf } from "./input.ts";

const PARTS: readonly ZipPart[] = [
  { name: "a/one.xml", content: "<one/>" },
  { name: "two", content: "2".repeat(100_000), stored: true },
  { name: "__proto__", content: "x" },
  { name: "../über", content: "climbs" },
];

const open = (bytes: Uint8Array) => ZipArchive.open(inputOf(bytes));

async function textOf(zip: ZipArchive, name: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of zip.stream(name)) text += decoder.decode(chunk, { stream: true });
  return text;
}

it("ZipArchive reads entries by name, whatever the name is", async () => {
  const zip = await open(archive(PARTS));
  expect([...zip.names]).toEqual(PARTS.map(({ name }) => name));
  for (const { name, content } of PARTS) expect(await textOf(zip, String(name))).toBe(content);
  expect(zip.has("constructor")).toBe(false);
});

it.each([
  ["no archive", Buffer.from("PK, says the text"), "document_wrong_type"],
  ["one that is cut off", archive(PARTS).subarray(0, -30), "document_truncated"],
  ["two of one name", archive([...PARTS, { name: "two", content: "" }]), "document_unreadable"],
  [
    "entries that share bytes",
    archive([...PARTS, { name: "3", offset: 0 }]),
    "document_unreadable",
  ],
  ["a damaged entry", archive([{ name: "two", content: "x", crc: 1 }]), "document_unreadable"],
  [
    "a size that lies",
    archive([{ name: "two", content: "xx", sizeBytes: 1 }]),
    "document_unreadable",
  ],
  ["a missing entry", archive([]), "document_unreadable"],
  ["an encrypted entry", archive([{ name: "two", content: "x", flags: 1 }]), "document_encrypted"],
  [
    "a ratio beyond every document's",
    archive([{ name: "two", ...deflatedRepeat("", "x".repeat(1 << 20), 9, "") }]),
    "document_too_complex",
  ],
  [
    "too many entries",
    archive(Array.from({ length: ZIP_LIMITS.entries + 1 }, (_, i) => ({ name: `${i}` }))),
    "document_too_complex",
  ],
  [
    "a directory that is too large",
    archive(
      Array.from({ length: 280 }, (_, i) => ({ name: `${i}`, comment: Buffer.alloc(60_000) })),
    ),
    "document_too_complex",
  ],
])("ZipArchive refuses %s", async (_, bytes, code) => {
  const reading = open(bytes).then((zip) => textOf(zip, "two"));
  await expect(reading).rejects.toMatchObject({ code });
});

it("ZipArchive counts what all entries inflate to", async () => {
  // Stored once, inflated each time it is read.
  const zip = await open(archive([{ name: "two", content: Buffer.alloc(40 << 20), stored: true }]));
  for (let i = 0; i < 6; i += 1) await textOf(zip, "two");
  await expect(textOf(zip, "two")).rejects.toMatchObject({ code: "document_too_complex" });
});

it("ZipArchive takes no document into memory that is too large", async () => {
  const input = { ...inputOf(archive(PARTS)), sizeBytes: ZIP_LIMITS.archiveBytes + 1 };
  await expect(ZipArchive.open(input)).rejects.toMatchObject({ code: "document_too_complex" });
});

it("ZipArchive gives the bytes or a reason, whatever is changed in an archive", async () => {
  const good = archive(
    PARTS.map((part) => ({ ...part, content: String(part.content).slice(0, 99) })),
  );
  const change = fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 }));
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
      const bytes = Buffer.from(good);
      for (const [at, byte] of changes) bytes[at] = byte;
      try {
        const zip = await open(bytes);
        for (const name of zip.names) await textOf(zip, name);
      } catch (error) {
        if (!isStowageError(error)) throw error;
        expect(error.code).toMatch(/^document_/);
      }
    }),
    { numRuns: 300 },
  );
});

it("crc32() sums up pieces as it does the whole", () => {
  const [a, b] = [Buffer.from("12345"), Buffer.from("6789")];
  expect(crc32(Buffer.concat([a, b]))).toBe(0xcbf43926);
  expect(crc32(b, crc32(a))).toBe(0xcbf43926);
});
