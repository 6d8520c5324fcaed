import { expect, it } from "vitest";
import { OfficePackage, partName } from "../../../processors/formats/office-package.ts";
import { paragraph, word, xml } from "../../bombs/office.ts";
import { archive, type ZipPart } from "../../fixtures/zip-writer.ts";
import { inputOf } from "./input.ts";

const { signal } = new AbortController();
const open = (parts: readonly ZipPart[]) => OfficePackage.open(inputOf(archive(parts)), signal);
const target = (target: string) => ({ type: "footnotes", target });

it("OfficePackage finds parts by their relationships", async () => {
  const found = await open(
    word(paragraph("x"), [], [target("/word/notes.xml"), target("../n.xml")]),
  );
  expect(found.main).toBe("word/document.xml");
  expect(await found.rootElement()).toBe("w:document");
  expect((await found.relationships(found.main)).slice(1)).toEqual([
    { id: "rId2", type: "footnotes", target: "word/notes.xml" },
    { id: "rId3", type: "footnotes", target: "n.xml" },
  ]);
  expect(await found.relationships("word/none.xml")).toEqual([]);
});

it("OfficePackage does not show what is outside", async () => {
  const external = { type: "image", target: "http://127.0.0.1:1/x", external: true };
  const found = await open(word(paragraph("x"), [], [external]));
  expect(await found.relationships(found.main)).toHaveLength(1);
});

it("OfficePackage finds a part whatever the case of its name", async () => {
  const parts = word(paragraph("x")).map((part) => ({
    ...part,
    name: String(part.name).toUpperCase(),
  }));
  const found = await open(parts);
  expect(found.has("Word/Styles.xml")).toBe(true);
  expect(await found.rootElement()).toBe("w:document");
});

it("OfficePackage finds an archive without a document of another type", async () => {
  await expect(open([xml("a.xml", "<a/>")])).rejects.toMatchObject({
    code: "document_wrong_type",
    message: expect.stringContaining("not a DOCX"),
  });
});

it.each([
  ["word/", "media/a.xml", "word/media/a.xml"],
  ["word/", "/xl/a.xml", "xl/a.xml"],
  ["word/", "./../../../etc/passwd", "etc/passwd"],
  ["", "a%20b.xml", "a b.xml"],
  ["", "100%.xml", "100%.xml"],
])("partName() resolves in %s the target %s", (folder, target, expected) => {
  expect(partName(folder, target)).toBe(expected);
});
