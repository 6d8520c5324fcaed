import { expect, it } from "vitest";
import { epub } from "../../fixtures/office.ts";
import { fixture, process, textOf } from "./read.ts";

const encryption = (algorithm: string) => ({
  "META-INF/encryption.xml": `<encryption xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData><enc:EncryptionMethod Algorithm="${algorithm}"/><enc:CipherData><enc:CipherReference URI="OEBPS/text/one.xhtml"/></enc:CipherData></enc:EncryptedData></encryption>`,
});

it("the text of an EPUB is read whole and in order from a book of LibreOffice", async () => {
  const found = await process("epub", fixture("circle.epub"));
  // LibreOffice puts deletions into its books, and no lists or headers.
  expect(found.text).toBe(`Minutes of the reading circle

Zoë Ångström, 李小龍 and Олена Шевченко; 🙂 was noted.

First line
second line after a tab, three spaces

We met in the cellar on a rainy Friday1, all of usi.

Candles

Chairs

with arms

Title\tYear\tCopies
夜と霧\t\t1 lent

Beside a box

In the box

.

Next meeting in Łódź.

1The first of May.

iExcept the treasurer.`);
});

it("the text of an EPUB is its chapters in the order of the spine, each once", async () => {
  const chapters = {
    one: "<h1>One</h1><p>a&nbsp;b<br/>c</p><script/>",
    "two words": "<p>two</p>",
    three: "<p>three</p>",
    unused: "<p>unused</p>",
  };
  const spine = ["three", "one", "gone", "two words", "one"];
  expect(await textOf("epub", epub(chapters, spine))).toBe("three\n\nOne\n\na b\nc\n\ntwo");
});

it("an EPUB with encrypted chapters is encrypted, one with obfuscated fonts is not", async () => {
  const book = (algorithm: string) => epub({ one: "<p>x</p>" }, ["one"], encryption(algorithm));
  const reading = textOf("epub", book("http://www.w3.org/2001/04/xmlenc#aes128-cbc"));
  await expect(reading).rejects.toMatchObject({ code: "document_encrypted" });
  expect(await textOf("epub", book("http://www.idpf.org/2008/embedding"))).toBe("x");
});
