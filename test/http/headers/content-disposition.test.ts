import fc from "fast-check";
import { expect, test } from "vitest";
import { parseFilename } from "../../../src/domain/filename.ts";
import { formatContentDisposition } from "../../../src/http/headers/content-disposition.ts";

/** Read the header as a client does: `filename*` before `filename` (RFC 6266, 4.3). */
function nameIn(header: string): string {
  const extended = /; filename\*=UTF-8''([A-Za-z0-9!#$&+.^_`|~%-]+)$/.exec(header);
  if (extended !== null) return decodeURIComponent(extended[1] ?? "");
  return /; filename="((?:[^"\\]|\\.)*)"$/.exec(header)?.[1]?.replace(/\\(.)/g, "$1") ?? "";
}

const filenames = fc
  .oneof(
    fc.string({ unit: "binary", minLength: 1, maxLength: 80 }),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }),
    fc.constantFrom(
      'a"b.pdf',
      "a\\b.pdf",
      "100%.txt",
      "a;b=c.txt",
      "'quotes'.txt",
      "%41.txt",
      " .txt",
    ),
  )
  .map((text) => {
    try {
      return parseFilename(text);
    } catch {
      return "x";
    }
  });

test("formatContentDisposition() gives back every filename, in a header that can be sent", () => {
  fc.assert(
    fc.property(filenames, (filename) => {
      const header = formatContentDisposition("attachment", filename);
      expect(header).toMatch(/^attachment; filename="[\x20-\x7e]*"/);
      expect(new Headers({ "Content-Disposition": header }).get("Content-Disposition")).toBe(
        header,
      );
      expect(nameIn(header)).toBe(filename);
    }),
    { numRuns: 1000 },
  );
});

test.each([
  ["resume.pdf", 'attachment; filename="resume.pdf"'],
  ["naïve.pdf", `attachment; filename="naive.pdf"; filename*=UTF-8''na%C3%AFve.pdf`],
  ["履歴.pdf", `attachment; filename="__.pdf"; filename*=UTF-8''%E5%B1%A5%E6%AD%B4.pdf`],
  ['a"b.pdf', `attachment; filename="a_b.pdf"; filename*=UTF-8''a%22b.pdf`],
  [
    "．．／x.pdf",
    `attachment; filename="___x.pdf"; filename*=UTF-8''%EF%BC%8E%EF%BC%8E%EF%BC%8Fx.pdf`,
  ],
  ["100%.pdf", `attachment; filename="100_.pdf"; filename*=UTF-8''100%25.pdf`],
])("formatContentDisposition() writes %s readably", (filename, header) => {
  expect(formatContentDisposition("attachment", filename)).toBe(header);
});
