import { expect, test } from "vitest";
import { StowageError } from "../../../src/domain/errors.ts";
import { readUploadForm } from "../../../src/http/body/upload-form.ts";
import { textOf } from "../../support/services.ts";
import { testApp } from "../../support/test-app.ts";
import { problemOf } from "../problem-of.ts";

const UPLOAD = "/api/v1/upload";
const TYPE = "multipart/form-data; boundary=XX";
const HELLO_SHA256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
const WRONG_SHA256 = "0".repeat(64);

/** One character of the text a byte. */
const bytesOf = (latin1: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(latin1, (character) => character.charCodeAt(0));

const utf8 = (text: string): string => Buffer.from(text).toString("latin1");

/** `parts`, each its headers, an empty line and its content, between boundaries. */
const formOf = (...parts: readonly string[]): string =>
  `${parts.map((part) => `--XX\r\n${part}\r\n`).join("")}--XX--\r\n`;

const part = (parameters: string, content: string, headers = ""): string =>
  `Content-Disposition: form-data; ${parameters}\r\n${headers}\r\n${content}`;
const field = (name: string, value: string): string => part(`name="${name}"`, value);
const file = part('name="file"; filename="a.txt"', "hello", "Content-Type: text/plain\r\n");
const named = (parameters: string): string => part(`name="file"; ${parameters}`, "hello");
const noFile = 'name="more"; filename=""';
const OCTETS = "Content-Type: application/octet-stream\r\n";

async function post(body: string, type = TYPE) {
  const app = await testApp();
  const answer = await app.send("POST", UPLOAD, {
    headers: { "Content-Type": type },
    body: bytesOf(body),
  });
  return { app, answer };
}

/** The ways to write a part that were once a way to drop it. */
const SPELLINGS: readonly (readonly [how: string, spell: (form: string) => string])[] = [
  ["as it should", (form) => form],
  ["with a semicolon behind it", (form) => form.replace(/^(Content-Disp.*)(?=\r)/gm, "$1;")],
  ["with many semicolons", (form) => form.replaceAll("; ", " ;; ; ").replaceAll('"\r', '" ; ;\r')],
  ["with blanks around =", (form) => form.replaceAll("=", " \t= ")],
  ["in capitals", (form) => form.replaceAll("form-data; name", "FORM-DATA; NAME")],
  ["without quotes", (form) => form.replaceAll(/="([^"\r]*)"/g, "=$1")],
  [
    "without a blank",
    (form) => form.replaceAll("; ", ";").replaceAll("Disposition: ", "Disposition:"),
  ],
  ["behind a padded boundary", (form) => form.replaceAll("--XX\r\n", "--XX \t \r\n")],
  ["before a padded final boundary", (form) => form.replaceAll("--XX--\r\n", "--XX-- \t")],
  ["with its name said once more", (form) => form.replaceAll(/(; name="\w+")/g, "$1$1")],
  ["with an unknown header", (form) => form.replaceAll("Content-Disp", "X-A: b\r\nContent-Disp")],
];

test.each(
  SPELLINGS,
)("POST /upload keeps to a sha256 field that is written %s", async (_, spell) => {
  for (const parts of [
    [field("sha256", WRONG_SHA256), file],
    [file, field("sha256", WRONG_SHA256)],
  ]) {
    const { app, answer } = await post(spell(formOf(...parts)));
    expect(await problemOf(answer)).toEqual({ status: 422, code: "digest_mismatch" });
    expect(await app.kept()).toEqual({ files: 0, records: 0 });
  }
  const { answer } = await post(spell(formOf(field("sha256", HELLO_SHA256), file)));
  expect(answer.status).toBe(201);
});

test.each(SPELLINGS)("POST /upload reads fields and the file written %s", async (_, spell) => {
  const at = "2099-12-31T00:00:00.000Z";
  const sent = formOf(field("metadata", '{"a":1}'), file, field("expires_at", at));
  const { answer } = await post(spell(sent));
  expect(answer.status).toBe(201);
  expect(await answer.json()).toMatchObject({
    filename: "a.txt",
    size: 5,
    sha256: HELLO_SHA256,
    content_type: "text/plain",
    metadata: { a: 1 },
    expires_at: at,
  });
});

test.each(SPELLINGS)("POST /upload refuses a second file that is written %s", async (_, spell) => {
  const { app, answer } = await post(spell(formOf(file, named('filename="b.txt"'))));
  expect(await problemOf(answer)).toEqual({ status: 400, code: "too_many_files" });
  expect(await app.kept()).toEqual({ files: 0, records: 0 });
});

test.each([
  ["a raw quote", 'filename="te"st.txt"', 'te"st.txt'],
  ["raw quotes around it", 'filename=""a.txt""', '"a.txt"'],
  ["a raw quote and a semicolon", 'filename="a;"b;.txt"', 'a;"b;.txt'],
  ["a quote escaped", 'filename="a\\"b.txt"', 'a"b.txt'],
  ["a quote as browsers write it", 'filename="a%22b.txt"', "a%22b.txt"],
  ["blanks and no quotes", "filename=my cv.txt", "my cv.txt"],
  ["no quotes, an à at its end", `filename=${utf8("voilà")}`, "voilà"],
  ["an unknown charset in filename*", "filename=\"a.txt\"; filename*=KLINGON''x.txt", "a.txt"],
  ["a filename* without quotes", 'filename*=x.txt; filename="a.txt"', "a.txt"],
  ["a broken filename*", "filename=\"a.txt\"; filename*=UTF-8''%zz.txt", "a.txt"],
  ["a filename* that is no UTF-8", "filename=\"a.txt\"; filename*=UTF-8''%ff.txt", "a.txt"],
  ["a good filename*", "filename=\"a.txt\"; filename*=UTF-8'en'%c3%a4.txt", "ä.txt"],
  ["a good filename* beside noise", "filename=\"\xff.txt\"; filename*=UTF-8''%c3%a4.txt", "ä.txt"],
  ["a filename* in quotes", "filename*=\"UTF-8''%c3%a4.txt\"", "ä.txt"],
  ["a header folded over lines", '\r\n\tfilename="my\r\n cv.txt"', "my cv.txt"],
  ["U+FFFD, if that is its name", `filename="${utf8("\ufffd")}.txt"`, "\ufffd.txt"],
])("POST /upload takes a filename with %s", async (_, parameters, filename) => {
  const { answer } = await post(formOf(named(parameters)));
  expect(answer.status).toBe(201);
  expect(await answer.json()).toMatchObject({ original_filename: filename, size: 5 });
});

test.each([
  ["windows-1252", "r\xe9sum\xe9 \x80.txt", "résumé €.txt"],
  ["iso-8859-1", "r\xe9sum\xe9.txt", "résumé.txt"],
  ["Shift_JIS", "\x97\x9a\x97\xf0\x8f\x91.txt", "履歴書.txt"],
  ["windows-1251", "\xf0\xe5\xe7\xfe\xec\xe5.txt", "резюме.txt"],
  ["windows-1252", utf8("résumé.txt"), "résumé.txt"],
  ["utf-8", utf8("résumé.txt"), "résumé.txt"],
])("POST /upload reads a filename by the form's _charset_ %s", async (charset, sent, filename) => {
  const { answer } = await post(
    formOf(field("_charset_", charset), named(`filename="${sent}"`), field("x", sent)),
  );
  expect(answer.status).toBe(201);
  expect(await answer.json()).toMatchObject({ original_filename: filename });
});

test("POST /upload reads fields by the form's _charset_, and by their own", async () => {
  const { answer } = await post(
    formOf(
      ...[field("_charset_", "windows-1252"), file],
      part('name="metadata"', '{"a":"\xf4"}', "Content-Type: text/plain; Charset = koi8-r;\r\n"),
    ),
  );
  expect(await answer.json()).toMatchObject({ metadata: { a: "Т" } });
  const other = await post(
    formOf(field("_charset_", "windows-1252"), field("metadata", '{"a":"\xe9"}'), file),
  );
  expect(await other.answer.json()).toMatchObject({ metadata: { a: "é" } });
});

const UNREADABLE: readonly (readonly [what: string, body: string])[] = [
  ["no headers", formOf("\r\nx", file)],
  ["no disposition", formOf("Content-Type: text/plain\r\n\r\nx", file)],
  ["an empty disposition", formOf("Content-Disposition:\r\n\r\nx", file)],
  ["the disposition attachment", formOf(file.replace("form-data", "attachment"))],
  ["another disposition", formOf(field("sha256", WRONG_SHA256).replace("form-", ""), file)],
  ["no semicolon behind form-data", formOf(file.replace("data;", "data"))],
  ["no name", formOf("Content-Disposition: form-data\r\n\r\nx", file)],
  ["an empty name", formOf(field("", "x"), file)],
  ["an empty name and a file", formOf(file, part('name=""; filename="b"', "x"))],
  ["a parameter without =", formOf(file.replace("; filename", "; x; filename"))],
  ["a parameter without a name", formOf(file.replace("; filename", '; ="x"; filename'))],
  ["quotes never closed", formOf(named('filename="a.txt'))],
  ["quotes closed too early", formOf(named('filename="a"; b.txt"'))],
  ["two dispositions", formOf(`Content-Disposition: form-data; name="x"\r\n${file}`)],
  [
    "two encodings",
    formOf(
      file.replace(
        "\r\n",
        `\r\n${["7bit", "base64"].map((one) => `Content-Transfer-Encoding: ${one}\r\n`).join("")}`,
      ),
    ),
  ],
  ["a header without a colon", formOf(`sha256\r\n${file}`)],
  ["a header without a name", formOf(`: x\r\n${file}`)],
  ["a blank before the colon", formOf(file.replace("Disposition:", "Disposition :"))],
  ["a header that begins with a blank", formOf(` ${file}`)],
  ["bare line feeds in its headers", formOf(file.replace("\r\n", "\n"))],
  ["a control character in its headers", formOf(named('filename="a\x07.txt"'))],
  ["headers of 17 KiB", formOf(`X: ${"x".repeat(17 * 1024)}\r\n${file}`)],
  ["headers without end", `--XX\r\n${"X: y\r\n".repeat(50_000)}`],
  ["a padding of 17 KiB", formOf(file).replace("--XX\r", `--XX${" ".repeat(17 * 1024)}\r`)],
  ["a boundary that goes on", formOf(named('filename="a"').replace("hello", "x\r\n--XXyz\r\nx"))],
  ["a boundary before a bare line feed", formOf(file.replace("hello", "x\r\n--XX\nx"))],
  [
    "a final boundary that goes on",
    formOf(file.replace("hello", "x\r\n--XX--x"), field("sha256", WRONG_SHA256)),
  ],
  ["no final boundary", formOf(file).replace("--XX--", "")],
  ["half a final boundary", formOf(file).replace("--XX--\r\n", "--XX-")],
  [
    "an unknown charset",
    formOf(part('name="x"', "x", "Content-Type: a/b; charset=KLINGON\r\n"), file),
  ],
  [
    "an unknown charset in a form that names one",
    formOf(
      field("_charset_", "utf-8"),
      part('name="x"', "x", "Content-Type: a/b; charset=KLINGON\r\n"),
      file,
    ),
  ],
  ["a value that is no UTF-8", formOf(field("metadata", '{"a":"\xe9"}'), file)],
  ["a name that is no UTF-8", formOf(field("m\xe9tadata", "{}"), file)],
  [
    "a name in an unknown _charset_",
    formOf(field("_charset_", "KLINGON"), field("\xe9", ""), file),
  ],
];

test.each(UNREADABLE)("POST /upload refuses a part with %s", async (_, body) => {
  const { app, answer } = await post(body);
  expect(await problemOf(answer)).toEqual({ status: 400, code: "invalid_multipart" });
  expect(await app.kept()).toEqual({ files: 0, records: 0 });
});

const UNREADABLE_FILENAMES: readonly (readonly [what: string, body: string])[] = [
  ["that is no UTF-8", formOf(named('filename="r\xe9sum\xe9.txt"'))],
  [
    "that is no UTF-8, its _charset_ behind it",
    formOf(named('filename="\xe9"'), field("_charset_", "windows-1252")),
  ],
  ["in an unknown _charset_", formOf(field("_charset_", "KLINGON"), named('filename="\xe9"'))],
  [
    "that is not in its _charset_",
    formOf(field("_charset_", "Shift_JIS"), named('filename="\xff.txt"')),
  ],
  ["in an unknown charset in filename*", formOf(named("filename*=KLINGON''x.txt"))],
  ["in a filename* that is no UTF-8", formOf(named("filename*=UTF-8''%ff%fe.txt"))],
  ["in a filename* without quotes", formOf(named("filename*=x.txt"))],
  ["in a broken filename*", formOf(named("filename*=UTF-8''%zz.txt"))],
  ["that is empty", formOf(named('filename=""'))],
  ["that is left out", formOf(part('name="file"', "hello", OCTETS))],
];

test.each(
  UNREADABLE_FILENAMES,
)("POST /upload refuses a filename %s as PUT does", async (_, body) => {
  const { app, answer } = await post(body);
  expect(await problemOf(answer)).toEqual({ status: 422, code: "invalid_filename" });
  expect(await app.kept()).toEqual({ files: 0, records: 0 });
});

test.each([
  ["application/json", "{}", {}],
  ["application/json; charset=utf-8", '{"a":1}', { a: 1 }],
  ["application/vnd.acme+json;", '{"a":1}', { a: 1 }],
])("POST /upload takes metadata that is a blob of %s", async (type, json, metadata) => {
  const blob = part('name="metadata"; filename="blob"', json, `Content-Type: ${type}\r\n`);
  for (const parts of [
    [blob, file],
    [file, blob],
  ]) {
    const { answer } = await post(formOf(...parts));
    expect(answer.status).toBe(201);
    expect(await answer.json()).toMatchObject({ filename: "a.txt", metadata });
  }
});

test("POST /upload takes what FormData makes of a Blob of JSON", async () => {
  const app = await testApp();
  const body = new FormData();
  body.append("metadata", new Blob(['{"a":1}'], { type: "application/json" }));
  body.append("file", new File(["hello"], "a.txt"));
  const answer = await app.send("POST", UPLOAD, { body });
  expect(await answer.json()).toMatchObject({ filename: "a.txt", metadata: { a: 1 } });
});

const EMPTY_INPUTS: readonly (readonly [where: string, body: string])[] = [
  ["before the file", formOf(part(noFile, "", OCTETS), file)],
  ["behind the file", formOf(file, part(noFile, "", OCTETS))],
  ["of the file's name before it", formOf(part('name="file"; filename=""', "", OCTETS), file)],
  ["of the file's name behind it", formOf(file, part('name="file"; filename=""', "", OCTETS))],
];

test.each(
  EMPTY_INPUTS,
)("POST /upload takes a file input that was left empty %s", async (_, body) => {
  const { answer } = await post(body);
  expect(answer.status).toBe(201);
  expect(await answer.json()).toMatchObject({ filename: "a.txt", size: 5 });
});

const REFUSED: readonly (readonly [what: string, body: string, status: number, code: string])[] = [
  [
    "a file input left empty and no other",
    formOf(part('name="file"; filename=""', "", OCTETS)),
    422,
    "invalid_filename",
  ],
  ["another left empty and no file", formOf(part(noFile, "", OCTETS)), 400, "missing_file"],
  [
    "a sha256 that is an input left empty",
    formOf(part('name="sha256"; filename=""', "", OCTETS), file),
    400,
    "invalid_digest",
  ],
  ["a nameless second file", formOf(file, part(noFile, "x", OCTETS)), 400, "too_many_files"],
  [
    "a nameless file in another field",
    formOf(part(noFile, "x", OCTETS), file),
    400,
    "missing_file",
  ],
  [
    "metadata that is a file of another type",
    formOf(file, part('name="metadata"; filename="a"', "{}")),
    400,
    "too_many_files",
  ],
  [
    "metadata that is a file, before the file",
    formOf(part('name="metadata"; filename="a"', "{}"), file),
    400,
    "missing_file",
  ],
  [
    "a second file in a blob of JSON",
    formOf(file, part('name="file"; filename="a"', "{}", "Content-Type: application/json\r\n")),
    400,
    "too_many_files",
  ],
  [
    "65 inputs left empty",
    formOf(...Array(65).fill(part('name="file"; filename=""', "", OCTETS)), file),
    400,
    "too_many_fields",
  ],
];

test.each(REFUSED)("POST /upload refuses %s", async (_, body, status, code) => {
  const { app, answer } = await post(body);
  expect(await problemOf(answer)).toEqual({ status, code });
  expect(await app.kept()).toEqual({ files: 0, records: 0 });
});

test("POST /upload reads an empty part whose boundary stands right behind its headers", async () => {
  const empty = (parameters: string): string =>
    `--XX\r\nContent-Disposition: form-data; ${parameters}\r\n\r\n`;
  const fields = await post(`${empty('name="x"')}${formOf(file)}`);
  expect(fields.answer.status).toBe(201);
  const sha256 = await post(`${empty('name="sha256"')}${formOf(file)}`);
  expect(await problemOf(sha256.answer)).toEqual({ status: 400, code: "invalid_digest" });
  const files = await post(`${empty('name="file"; filename="a"')}--XX--\r\n`);
  expect(await files.answer.json()).toMatchObject({ filename: "a", size: 0 });
});

test.each([
  ["a semicolon behind it", "multipart/form-data; boundary=XX;"],
  ["semicolons and blanks", 'multipart/form-data ;; charset = "utf-8" ; BOUNDARY = "XX" ; '],
  ["a boundary that should be in quotes", "multipart/form-data; boundary=X/X", "X/X"],
  ["a boundary of Latin-1", 'multipart/form-data; boundary="\xe9"', "\xe9"],
])("POST /upload takes a Content-Type with %s", async (_, type, boundary = "XX") => {
  const { answer } = await post(formOf(file).replaceAll("--XX", `--${boundary}`), type);
  expect(answer.status).toBe(201);
  expect(await answer.json()).toMatchObject({ filename: "a.txt", size: 5 });
});

/** What comes of a form that arrives in pieces which end at each of `cuts`. */
async function outcomeOf(body: Uint8Array, cuts: readonly number[]): Promise<unknown> {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    let start = 0;
    for (const cut of [...cuts, body.byteLength]) {
      yield body.subarray(start, cut);
      start = cut;
    }
  }
  try {
    const form = await readUploadForm(pieces(), TYPE);
    const { filename, declaredType, fieldsBefore } = form;
    const file = await textOf(form.file);
    return { filename, declaredType, fieldsBefore, file, fields: await form.fields() };
  } catch (error) {
    if (!(error instanceof StowageError)) throw error;
    return error.message;
  }
}

const SPELT = SPELLINGS.map(
  ([how, spell]) =>
    [how, spell(formOf(field("x", "\r\n--X"), file, field("sha256", WRONG_SHA256)))] as const,
);

test.each([
  ...[...SPELT, ...UNREADABLE, ...UNREADABLE_FILENAMES, ...EMPTY_INPUTS],
  ...REFUSED.map(([what, body]) => [what, body] as const),
])("readUploadForm() makes the same of a form with %s, wherever it is split", async (_, text) => {
  const body = bytesOf(text);
  const whole = await outcomeOf(body, []);
  const every = Array.from({ length: body.byteLength - 1 }, (_, index) => index + 1);
  expect(await outcomeOf(body, every)).toEqual(whole);
  // All of them, but of the few bodies that are long.
  const step = Math.ceil(body.byteLength / 1000) ** 2;
  for (const cut of every.filter((at) => at % step === 0)) {
    expect(await outcomeOf(body, [cut]), `cut at ${cut}`).toEqual(whole);
  }
});
