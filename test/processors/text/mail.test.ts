import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readMail } from "../../../processors/text/mail.ts";
import { SILENT } from "../../../src/domain/ports/logger.ts";
import { inputOf } from "../formats/input.ts";

const MESSAGE = readFileSync(join(import.meta.dirname, "..", "..", "fixtures", "message.eml"));

const read = (mail: string | Uint8Array, maxTextBytes = 1 << 20) => {
  const bytes = typeof mail === "string" ? Buffer.from(mail) : mail;
  const signal = new AbortController().signal;
  return readMail(inputOf(bytes, "message/rfc822"), { signal, maxTextBytes, logger: SILENT });
};
const textOf = async (mail: string | Uint8Array) => (await read(mail)).text;
const FROM = "From: a@example.com\n";
const part = (type: string, body: string) => `--b\nContent-Type: ${type}\n\n${body}\n`;
const parts = (...all: string[]) =>
  `${FROM}Content-Type: multipart/mixed; boundary=b\n\n${all.join("")}--b--\n`;

describe("readMail()", () => {
  it("reads a message, its headers and what is forwarded with it", async () => {
    expect(await textOf(MESSAGE)).toBe(`From: Zoë Ångström <zoe@example.com>
To: Reading circle: Jan <jan@example.org>, 李 <li@example.org>;
Cc: Groß, Jürgen <jg@example.net>, board@example.net
Subject: Minutes – Friday’s meeting
Date: Mon, 23 Nov 2026 09:15:00 +0100

Dzień dobry,

the minutes are attached; łódź comes on Friday.

Attachment: Protokół.pdf

From: jan@example.org
Subject: Which Friday?

Кот и мышь

1\t2`);
  });

  it("reads the HTML where there is no plain text to speak of", async () => {
    const plain = part("text/plain", " ");
    const html = part("text/html", "<p>a<p>b");
    expect(await textOf(parts(plain, html))).toContain("a\n\nb");
    expect(await textOf(`${FROM}Content-Type: text/html\n\n<p>a<p>b`)).toBe(`${FROM}\na\n\nb`);
  });

  it("names what is attached and shows nothing of it, but for pictures of the HTML", async () => {
    const related = `${FROM}Content-Type: multipart/related; boundary=b\n\n${part("text/html", "hello <img src=cid:x>")}${part("image/png\nContent-ID: <x>", "bytes")}${part("text/csv; name=a.csv", "secret")}${part("application/zip", "bytes")}--b--`;
    expect(await textOf(related)).toBe(
      `${FROM}\nhello\n\nAttachment: a.csv\nAttachment: application/zip`,
    );
  });

  it("limits the depth of messages in messages", async () => {
    let mail = "Subject: 7\n\nlast";
    for (let i = 6; i >= 0; i -= 1) mail = `Subject: ${i}\nContent-Type: message/rfc822\n\n${mail}`;
    const found = await textOf(mail);
    expect(found.match(/Subject: \d/g)).toEqual([0, 1, 2, 3, 4, 5].map((i) => `Subject: ${i}`));
    expect(found).toMatch(/Attachment: message\/rfc822$/);
  });

  it.each([
    ["GBK", "b8dfd6dabbe1d2e9bcc7c2bc", "text/plain;\r\n charset=gbk", "高众会议记录"],
    ["undeclared windows-1252", "4772fcdf6520617573204bf66c6e", "text/plain", "Grüße aus Köln"],
    ["UTF-8", "5a6fc3ab", "text/plain; charset=koi8-r", "Zoë"],
  ])("reads a subject that is raw %s", async (_, subject, type, expected) => {
    const mail = Buffer.concat([
      Buffer.from(`${FROM}Subject: `),
      Buffer.from(subject, "hex"),
      Buffer.from(`\r\nContent-Type: ${type}\r\n\r\nbody`),
    ]);
    expect(await textOf(mail)).toContain(`Subject: ${expected}\n`);
  });

  it("reads a message without a body, or with lines of Windows", async () => {
    expect(await textOf("Subject: a\r\n\r\n")).toBe("Subject: a");
    expect(await textOf("Subject: a\r\n\r\nb\r\nc\r\n")).toBe("Subject: a\n\nb\nc");
  });

  it.each([
    ["text", "Hello\n\nyou", "document_wrong_type"],
    ["a page", "<html>\n\nFrom: x", "document_wrong_type"],
    ["a picture", "\u0089PNG\r\n\u001a\n\0\0", "document_wrong_type"],
    ["a message of empty lines", `${FROM}${"\n".repeat(100_001)}`, "document_too_complex"],
    ["a header without end", `${FROM}X: ${"x".repeat(3 << 20)}`, "document_too_complex"],
    [
      "parts in parts",
      `${FROM}${Array.from({ length: 102 }, (_, i) => `Content-Type: multipart/x; boundary=b${i}\n\n--b${i}\n`).join("")}`,
      "document_too_complex",
    ],
    [
      "kinds of parts",
      parts(...Array.from({ length: 501 }, (_, i) => part(`multipart/x; Boundary\t= c${i}`, ""))),
      "document_too_complex",
    ],
  ])("gives a reason for %s", async (_, mail, code) => {
    await expect(read(mail)).rejects.toMatchObject({ code });
  });

  it("has nothing against large attachments", async () => {
    const line = `${"QUJD".repeat(19)}\n`;
    const file = part(
      "application/zip; name=a.zip\nContent-Transfer-Encoding: base64",
      line.repeat(110_000),
    );
    expect(await textOf(parts(part("text/plain", "see it"), file))).toBe(
      `${FROM}\nsee it\n\nAttachment: a.zip`,
    );
  });

  it("cuts text at the limit", async () => {
    const { text, facts } = await read(`${FROM}\n${"word ".repeat(100)}`, 100);
    expect(text).toBe(`${FROM}\n${"word ".repeat(100)}`.slice(0, 100).trim());
    expect(facts.truncated).toBe(true);
  });

  it("gives text or a reason for a message cut off or damaged anywhere", async () => {
    const damage = fc.record({
      end: fc.nat(MESSAGE.byteLength),
      spots: fc.array(fc.tuple(fc.nat(MESSAGE.byteLength - 1), fc.nat(255)), { maxLength: 9 }),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ end, spots }) => {
        const broken = new Uint8Array(MESSAGE);
        for (const [at, byte] of spots) broken[at] = byte;
        const found = await textOf(broken.subarray(0, end)).catch((error) => error.code);
        expect(found).toBeTypeOf("string");
        expect(found.isWellFormed()).toBe(true);
      }),
    );
  });
});
