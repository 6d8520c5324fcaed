import { crc32 } from "node:zlib";
import { archive, deflatedRepeat, endOf, headersOf, type ZipPart } from "../fixtures/zip-writer.ts";
import { type Bomb, bomb, type End } from "./bomb.ts";
import { paragraph, W, word, wordDocument } from "./office.ts";
import { quine } from "./quine.ts";

const MIB = 1024 * 1024;
/** What a reader may say that looks at no more of a document than it must. */
const ANY: readonly End[] = ["processed", "document_unreadable", "document_too_complex"];

const GOOD = word(paragraph("A good document"));
const [DOCUMENT_HEAD = "", DOCUMENT_TAIL = ""] = wordDocument("<w:p>|</w:p>").split("|");
const HUGE_RUN = `<w:r><w:t>${"boom ".repeat(200)}</w:t></w:r>`.repeat(1000);

/** A gibibyte of XML in a megabyte. */
function hugeDocument(): ZipPart {
  const times = Math.ceil((1024 * MIB) / HUGE_RUN.length);
  return {
    name: "word/document.xml",
    ...deflatedRepeat(DOCUMENT_HEAD, HUGE_RUN, times, DOCUMENT_TAIL),
  };
}

export const ZIPS: readonly Bomb[] = [
  bomb(
    "deflated-document.docx",
    "memory: 1 GiB of document.xml",
    ["processed", "document_too_complex"],
    () => archive(word("", [hugeDocument()])),
  ),
  bomb("deflated-styles.docx", "memory: 1 GiB of styles.xml", ANY, () => {
    const style = '<w:style w:styleId="s"><w:name w:val="boom"/></w:style>'.repeat(20_000);
    const times = Math.ceil((1024 * MIB) / style.length);
    const styles = deflatedRepeat(`<w:styles ${W}>`, style, times, "</w:styles>");
    return archive(word(paragraph("A good document"), [{ name: "word/styles.xml", ...styles }]));
  }),
  bomb(
    "deflated-space.docx",
    "memory: 1 GiB of white space in one text",
    ["document_too_complex", "document_empty"],
    () => {
      const parts = wordDocument(paragraph("|")).split("|");
      const space = deflatedRepeat(parts[0] ?? "", " ".repeat(MIB), 1024, parts[1] ?? "");
      return archive(word("", [{ name: "word/document.xml", ...space }]));
    },
  ),
  bomb("many-entries.docx", "time: 60,000 entries", ANY, () =>
    archive(
      word(
        paragraph("A good document"),
        Array.from({ length: 60_000 }, (_, i) => ({ name: `word/media/${i}.xml`, stored: true })),
      ),
    ),
  ),
  bomb(
    "overlapping-entries.docx",
    "size: 300 entries share the bytes of one (Fifield)",
    ANY,
    overlapping,
  ),
  bomb(
    "says-it-is-small.docx",
    "memory: an entry that claims 100 bytes and holds 1 GiB",
    ["document_too_complex", "document_unreadable"],
    () => archive(word("", [{ ...hugeDocument(), sizeBytes: 100 }])),
  ),
  bomb("says-it-is-huge.docx", "memory: an entry that claims 4 GiB and holds nothing", ANY, () =>
    archive(
      word("", [
        {
          name: "word/document.xml",
          content: wordDocument(paragraph("small")),
          sizeBytes: 0xfffffffe,
        },
      ]),
    ),
  ),
  bomb("zip64-nonsense.docx", "arithmetic: sizes and offsets of 2^64 - 1", ANY, () =>
    archive(
      GOOD.map((part) => ({
        ...part,
        sizeBytes: 0xffffffff,
        offset: 0xffffffff,
        extra: zip64Extra(),
      })),
      { entries: 0xffff, directoryBytes: 0xffffffff, directoryAt: 0xffffffff },
    ),
  ),
  bomb("duplicate-names.docx", "two minds: document.xml twice, one of them huge", ANY, () =>
    archive([...GOOD, hugeDocument()]),
  ),
  bomb(
    "names-that-climb.docx",
    "files: entries named ../, absolute, with drive letters and NUL",
    ["processed", "document_unreadable"],
    ({ path }) =>
      archive([
        ...GOOD,
        ...[
          `../../../../../../../..${path}`,
          path,
          "C:\\Windows\\boom.dll",
          "word/../../boom",
          "\0",
          "..",
          "a".repeat(65_000),
        ].map((name) => ({ name, content: "written by a document" })),
      ]),
  ),
  bomb(
    "prototype-names.docx",
    "objects: entries named __proto__ and constructor",
    ["processed", "document_unreadable"],
    () =>
      archive([
        ...GOOD,
        ...["__proto__", "constructor", "hasOwnProperty"].map((name) => ({ name, content: "x" })),
      ]),
  ),
  bomb(
    "symbolic-link.docx",
    "files: document.xml is a link to somewhere else",
    ["document_unreadable"],
    ({ path }) =>
      archive(
        word("", [{ name: "word/document.xml", content: path, attributes: 0o120777 * 65_536 }]),
      ),
  ),
  bomb(
    "signatures-in-comment.docx",
    "time: a comment made of ends of directories",
    ["processed", "document_unreadable"],
    () => archive(GOOD, { comment: Buffer.from("PK\x05\x06PK\x01\x02PK\x03\x04".repeat(5000)) }),
  ),
  bomb("comments-of-entries.docx", "memory: a directory of 60 MB, comments all of it", ANY, () => {
    const comment = Buffer.alloc(60_000, "boom");
    return archive([
      ...GOOD,
      ...Array.from({ length: 1000 }, (_, i) => ({ name: `${i}.xml`, content: "", comment })),
    ]);
  }),
  bomb("encrypted-entries.docx", "nothing: every entry is encrypted", ["document_encrypted"], () =>
    archive(GOOD.map((part) => ({ ...part, flags: 1 }))),
  ),
  bomb(
    "no-directory.docx",
    "arithmetic: 65,535 entries claimed, none there",
    ["document_unreadable", "document_too_complex"],
    () =>
      Buffer.concat([
        archive(GOOD).subarray(0, 200),
        endOf({ entries: 0xffff, directoryBytes: 0, directoryAt: 0 }),
      ]),
  ),
  bomb(
    "directory-of-itself.docx",
    "loops: the directory begins at its own end",
    ["document_unreadable"],
    () => {
      const bytes = archive(GOOD);
      bytes.writeUInt32LE(bytes.length - 22, bytes.length - 6);
      return bytes;
    },
  ),
  bomb(
    "nested-zips.docx",
    "recursion: zips in zips, 16 of them in each, six deep",
    ["document_wrong_type"],
    () => {
      let inner = archive([{ name: "0", ...deflatedRepeat("", Buffer.alloc(MIB), 64, "") }]);
      for (let depth = 0; depth < 6; depth += 1) {
        const content = inner;
        inner = archive(
          Array.from({ length: 16 }, (_, i) => ({ name: `${i.toString(16)}.zip`, content })),
        );
      }
      return archive([...GOOD.slice(0, 3), { name: "word/document.xml", content: inner }]);
    },
  ),
  bomb("quine.docx", "recursion: a zip that holds itself", ["document_wrong_type"], () =>
    quine("quine.docx"),
  ),
];

/** APPNOTE 4.5.3: sizes, offset and disk, none of them possible. */
function zip64Extra(): Buffer {
  return Buffer.concat([Buffer.from([1, 0, 28, 0]), Buffer.alloc(28, 0xff)]);
}

/**
 * Entries that quote each other: each one's bytes are a stored block with the header of the next, and then
 * everything that the next has.
 *
 * @see https://www.usenix.org/conference/woot19/presentation/fifield
 */
function overlapping(): Buffer {
  const kernel = deflatedRepeat("", " ".repeat(MIB), 2, "");
  const names = GOOD.map(({ name }) => String(name));
  const spare = Array.from({ length: 300 - names.length }, (_, i) => `word/media/${i}.xml`);
  let bytes = Buffer.alloc(0);
  let body = Buffer.from(kernel.deflated);
  let content = Buffer.alloc(2 * MIB, " ");
  const entries: { common: Buffer; name: Buffer; fromEnd: number }[] = [];
  for (const entry of [...names, ...spare].toReversed()) {
    const { common, name } = headersOf({
      name: entry,
      deflated: body,
      sizeBytes: content.length,
      crc: crc32(content),
    });
    const header = Buffer.concat([Buffer.from("PK\x03\x04"), common, name]);
    bytes = Buffer.concat([header, body]);
    entries.push({ common, name, fromEnd: bytes.length });
    const quote = Buffer.from([0, 0, 0, 0, 0]);
    quote.writeUInt16LE(header.length, 1);
    quote.writeUInt16LE(0xffff - header.length, 3);
    body = Buffer.concat([quote, bytes]);
    content = Buffer.concat([header, content]);
  }
  const directory = Buffer.concat(
    entries.toReversed().flatMap(({ common, name, fromEnd }) => {
      const tail = Buffer.alloc(14);
      tail.writeUInt32LE(bytes.length - fromEnd, 10);
      return [Buffer.from("PK\x01\x02\x14\x03"), common, tail, name];
    }),
  );
  return Buffer.concat([
    bytes,
    directory,
    endOf({ entries: entries.length, directoryBytes: directory.length, directoryAt: bytes.length }),
  ]);
}
