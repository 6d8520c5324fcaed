import { expect, it } from "vitest";
import { openDocument } from "../../fixtures/office.ts";
import { CIRCLE, fixture, process, textOf } from "./read.ts";

const read = (content: string, parts: Readonly<Record<string, string>> = {}) =>
  textOf("odt", openDocument("text", `<office:text>${content}</office:text>`, parts));

it("the text of an ODT is read whole and in order from a document of LibreOffice", async () => {
  const found = await process("odt", fixture("circle.odt"));
  expect(found.text).toBe(CIRCLE);
  expect(found.output).toEqual({ characters: 382, words: 73, truncated: false });
});

it.each([
  ["white space as one space", "<text:p>a \n\t b</text:p>\n<text:p>c</text:p>", "a b\n\nc"],
  [
    "spaces, however many are claimed",
    '<text:p>a<text:s text:c="999999999"/>b</text:p>',
    `a${" ".repeat(1000)}b`,
  ],
  [
    "a table in a text box, before its paragraph",
    "<text:p>x<draw:frame><draw:text-box><text:p>box</text:p><table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell><table:covered-table-cell/><table:table-cell><text:p>b</text:p></table:table-cell></table:table-row></table:table></draw:text-box></draw:frame>y</text:p>",
    "box\n\na\t\tb\n\nxy",
  ],
  [
    "words, without what helps to read them",
    "<text:p><text:ruby><text:ruby-base>漢</text:ruby-base><text:ruby-text>かん</text:ruby-text></text:ruby></text:p>",
    "漢",
  ],
])("the text of an ODT has %s", async (_, content, expected) => {
  expect(await read(content)).toBe(expected);
});

it("an ODT whose parts are encrypted needs a password", async () => {
  const ns = 'xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"';
  const manifest = `<!DOCTYPE m:manifest PUBLIC "-//OpenOffice.org//DTD Manifest 1.0//EN" "Manifest.dtd"><m:manifest ${ns}><m:file-entry m:full-path="content.xml"><m:encryption-data/></m:file-entry></m:manifest>`;
  const reading = read("<text:p>x</text:p>", {
    "META-INF/manifest.xml": manifest,
    "content.xml": "no XML",
  });
  await expect(reading).rejects.toMatchObject({ code: "document_encrypted" });
});
