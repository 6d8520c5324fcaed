import fc from "fast-check";
import { expect, test } from "vitest";
import { StowageError } from "../../../src/domain/errors.ts";
import { MAX_FORM_OVERHEAD_BYTES, readUploadForm } from "../../../src/http/body/upload-form.ts";
import { bytesOf, textOf } from "../../support/services.ts";
import { fieldPart, filePart, form } from "../../support/test-app.ts";

const TYPE = "multipart/form-data; boundary=boundary";

/** `body` in pieces that end at each of `cuts`. */
async function* pieces(body: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let start = 0;
  for (const cut of [...cuts, body.byteLength]) {
    yield body.subarray(start, cut);
    start = cut;
  }
}

interface Read {
  readonly filename: string;
  readonly declaredType: string;
  readonly file: string;
  readonly fields: Readonly<Record<string, readonly string[]>>;
}

async function readAll(
  body: string | Uint8Array,
  cuts: readonly number[] = [],
  type = TYPE,
): Promise<Read> {
  const bytes = typeof body === "string" ? bytesOf(body) : body;
  const read = await readUploadForm(pieces(bytes, cuts), type);
  const file = await textOf(read.file);
  const fields = Object.fromEntries(await read.fields());
  return { filename: read.filename, declaredType: read.declaredType, file, fields };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "none";
  } catch (error) {
    return error instanceof StowageError ? error.code : `${error}`;
  }
}

const GOOD = form([
  fieldPart("metadata", '{"a":1}'),
  filePart("line\r\n--boundar\r\n-–boundary\r-- x", 'filename="résumé – 履歴書.pdf"'),
  fieldPart("auto_process", "true"),
]).body;

test("readUploadForm() reads fields before and after the file, cut at any offset", async () => {
  const whole = await readAll(GOOD);
  expect(whole).toEqual({
    filename: "résumé – 履歴書.pdf",
    declaredType: "text/plain",
    file: "line\r\n--boundar\r\n-–boundary\r-- x",
    fields: { metadata: ['{"a":1}'], auto_process: ["true"] },
  });
  const { byteLength } = bytesOf(GOOD);
  for (let cut = 1; cut < byteLength; cut += 1) {
    expect(await readAll(GOOD, [cut]), `cut at ${cut}`).toEqual(whole);
  }
});

test("readUploadForm() reads any content in any pieces", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom("\r", "\n", "-", "--boundary", "\r\n--", "x", "\0", "ü"), {
        maxLength: 40,
      }),
      fc.array(fc.nat(400), { maxLength: 12 }),
      async (words, wanted) => {
        const content = words.join("");
        fc.pre(!`\r\n${content}\r\n`.includes("\r\n--boundary"));
        const { body } = form([filePart(content), fieldPart("metadata", "{}")]);
        const cuts = wanted.filter((cut) => cut < bytesOf(body).byteLength).sort((a, b) => a - b);
        const read = await readAll(body, cuts);
        expect(read.file).toBe(content);
        expect(read.fields).toEqual({ metadata: ["{}"] });
      },
    ),
    { numRuns: 150 },
  );
});

test("readUploadForm() takes the file of a form whose every byte comes alone", async () => {
  const { byteLength } = bytesOf(GOOD);
  const cuts = Array.from({ length: byteLength - 1 }, (_, index) => index + 1);
  expect(await readAll(GOOD, cuts)).toEqual(await readAll(GOOD));
});

test("readUploadForm() keeps filenames exactly as sent", async () => {
  const named = async (filename: string): Promise<string> =>
    (await readAll(form([filePart("x", filename)]).body)).filename;
  expect(await named('filename="C:\\cv\\resume.pdf"')).toBe("C:\\cv\\resume.pdf");
  expect(await named('filename="../../etc/passwd"')).toBe("../../etc/passwd");
  expect(await named("filename=\"x\"; filename*=UTF-8''%e2%82%ac%20rates.txt")).toBe("€ rates.txt");
  expect(await named("filename=bare.txt")).toBe("bare.txt");
  expect(await named('filename="a\\"b.txt"')).toBe('a"b.txt');
});

test("readUploadForm() takes an empty file", async () => {
  expect((await readAll(form([filePart("")]).body)).file).toBe("");
});

test("readUploadForm() lets no field name mean anything", async () => {
  const { body } = form([fieldPart("__proto__", "x"), fieldPart("toString", "y"), filePart("z")]);
  const read = await readUploadForm(pieces(bytesOf(body), []), TYPE);
  await textOf(read.file);
  expect([...(await read.fields())]).toEqual([
    ["__proto__", ["x"]],
    ["toString", ["y"]],
  ]);
  expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
});

const manyFiles = Array.from({ length: 1000 }, () => filePart("x"));
const manyFields = Array.from({ length: 10_000 }, (_, index) => fieldPart(`f${index}`, "x"));
const octets = (parameters: string) => ({
  headers: `Content-Disposition: form-data; ${parameters}\r\nContent-Type: application/octet-stream`,
  content: "x",
});

test.each([
  ["nothing at all", "", "invalid_multipart"],
  ["only the final boundary", "--boundary--\r\n", "missing_file"],
  ["only fields", form([fieldPart("metadata", "{}")]).body, "missing_file"],
  ["the file as text", form([fieldPart("file", "hello")]).body, "invalid_filename"],
  [
    "a long file as text",
    form([fieldPart("file", "x".repeat(100_000)), filePart("y")]).body,
    "invalid_filename",
  ],
  [
    "the file in another field",
    form([filePart("x", 'filename="a"', "upload")]).body,
    "missing_file",
  ],
  ["two files", form([filePart("x"), filePart("y")]).body, "too_many_files"],
  [
    "a second file in another field",
    form([filePart("x"), filePart("y", 'filename="b"', "other")]).body,
    "too_many_files",
  ],
  ["1,000 files", form(manyFiles).body, "too_many_files"],
  ["10,000 fields before the file", form([...manyFields, filePart("x")]).body, "too_many_fields"],
  ["10,000 fields after the file", form([filePart("x"), ...manyFields]).body, "too_many_fields"],
  [
    "many parts that are no fields",
    form([...Array(200).fill({ headers: "X-Nothing: 1", content: "x" }), filePart("x")]).body,
    "invalid_multipart",
  ],
  [
    "a field that is too long",
    form([fieldPart("metadata", "x".repeat(9000)), filePart("x")]).body,
    "too_many_fields",
  ],
  ["a name of 1 MB", form([fieldPart("x".repeat(1_000_000), "x")]).body, "invalid_multipart"],
  [
    "a header that begins with a space",
    form([{ headers: ' Content-Disposition: form-data; name="file"; filename="a"', content: "x" }])
      .body,
    "invalid_multipart",
  ],
  ["no final boundary", form([filePart("x")], "").body, "invalid_multipart"],
  [
    "an end within the headers",
    '--boundary\r\nContent-Disposition: form-data; name="fi',
    "invalid_multipart",
  ],
  [
    "an end within the file",
    `--boundary\r\n${filePart("").headers}\r\n\r\nhalf`,
    "invalid_multipart",
  ],
  [
    "an end within a later field",
    `${form([filePart("x")], "").body}--boundary\r\n${fieldPart("metadata", "").headers}\r\n\r\n{`,
    "invalid_multipart",
  ],
  [
    "a part without a name",
    form([{ headers: "Content-Disposition: form-data", content: "x" }]).body,
    "invalid_multipart",
  ],
  [
    "a field in an unknown charset",
    form([
      {
        headers: `${fieldPart("f", "").headers}\r\nContent-Type: text/plain; charset=nope`,
        content: "x",
      },
    ]).body,
    "invalid_multipart",
  ],
  [
    "a file in base64",
    form([
      { headers: `${filePart("").headers}\r\nContent-Transfer-Encoding: base64`, content: "eA==" },
    ]).body,
    "invalid_multipart",
  ],
  ["an empty filename", form([filePart("x", 'filename=""')]).body, "invalid_filename"],
  [
    "an empty filename and the type of a file",
    form([octets('name="file"; filename=""')]).body,
    "invalid_filename",
  ],
  [
    "a file in base64, spelled at leisure",
    form([
      {
        headers: `${filePart("").headers}\r\nContent-Transfer-Encoding:  BASE64 `,
        content: "eA==",
      },
    ]).body,
    "invalid_multipart",
  ],
  [
    "a field in base64",
    form([
      {
        headers: `${fieldPart("metadata", "").headers}\r\nContent-Transfer-Encoding: base64`,
        content: "e30=",
      },
      filePart("x"),
    ]).body,
    "invalid_multipart",
  ],
  [
    "an empty filename and a type of its own",
    form([
      {
        headers:
          'Content-Disposition: form-data; name="file"; filename=""\r\nContent-Type: application/pdf',
        content: "x",
      },
    ]).body,
    "invalid_filename",
  ],
  ["noise", "no form at all\r\n\r\n--\r\n".repeat(50), "invalid_multipart"],
])("readUploadForm() refuses %s", async (_, body, code) => {
  expect(await codeOf(readAll(body))).toBe(code);
  const cuts = [1, 13, 14, 15, 60, 61].filter((cut) => cut < body.length);
  expect(await codeOf(readAll(body, cuts))).toBe(code);
});

test.each([
  ["without a boundary", "multipart/form-data"],
  ["with an empty boundary", "multipart/form-data; boundary="],
  ["with an empty quoted boundary", 'multipart/form-data; boundary=""'],
  ["with a boundary of 71 characters", `multipart/form-data; boundary=${"x".repeat(71)}`],
  ["with a boundary of 1 MB", `multipart/form-data; boundary=${"x".repeat(1_000_000)}`],
  ["with garbage after the type", 'multipart/form-data; "; boundary=x'],
])("readUploadForm() refuses a content type %s", async (_, type) => {
  expect(await codeOf(readAll(GOOD, [], type))).toBe("invalid_multipart");
});

test("readUploadForm() reads a quoted boundary of 70 characters", async () => {
  const boundary = `a b'()+_,-./:=?${"x".repeat(55)}`;
  const body = GOOD.replaceAll("boundary", boundary);
  const type = `multipart/form-data; boundary="${boundary}"`;
  expect((await readAll(body, [], type)).filename).toBe("résumé – 履歴書.pdf");
});

test("readUploadForm() fails as its source fails, while it waits and while the file is read", async () => {
  const gone = new StowageError("request_aborted", "Cannot read body: the client has gone");
  const failing = async function* (start: string, error: unknown): AsyncGenerator<Uint8Array> {
    yield bytesOf(start);
    throw error;
  };
  const inHeaders = '--boundary\r\nContent-Disposition: form-data; name="fi';
  expect(await codeOf(readUploadForm(failing(inHeaders, gone), TYPE))).toBe("request_aborted");
  const inFile = `--boundary\r\n${filePart("").headers}\r\n\r\nhalf`;
  const read = await readUploadForm(failing(inFile, new Error("ECONNRESET")), TYPE);
  expect(await codeOf(textOf(read.file))).toBe("body_incomplete");
  expect(await codeOf(read.fields())).toBe("body_incomplete");
});

/** A form with an endless file, and how much of it was taken. */
function endlessForm(contentBytes = Number.POSITIVE_INFINITY) {
  const reported = { bytes: 0, ended: Promise.withResolvers<void>() };
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      yield bytesOf(`--boundary\r\n${filePart("").headers}\r\n\r\n`);
      const chunk = new Uint8Array(64 * 1024);
      for (; reported.bytes < contentBytes; reported.bytes += chunk.byteLength) yield chunk;
      yield bytesOf("\r\n--boundary--\r\n");
    } finally {
      reported.ended.resolve();
    }
  }
  return { reported, source: source() };
}

test("readUploadForm() reads no further than its reader, but for one chunk", async () => {
  const { reported, source } = endlessForm();
  const read = await readUploadForm(source, TYPE);
  const reader = read.file[Symbol.asyncIterator]();
  let taken = 0;
  for (let round = 0; round < 40; round += 1) {
    taken += (await reader.next()).value?.byteLength ?? 0;
    // Let everything that can move without us do so.
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(reported.bytes - taken).toBeLessThanOrEqual(64 * 1024);
  }
  read.release();
});

test.each([
  "release",
  "return",
] as const)("readUploadForm() lets its source go when its reader stops by %s", async (how) => {
  const { reported, source } = endlessForm();
  const read = await readUploadForm(source, TYPE);
  const reader = read.file[Symbol.asyncIterator]();
  await reader.next();
  if (how === "release") read.release();
  else await reader.return?.();
  await reported.ended.promise;
  expect(await codeOf(read.fields())).toBe("request_aborted");
});

test("readUploadForm() lets its reader go while its source is silent", async () => {
  async function* silent(): AsyncGenerator<Uint8Array> {
    yield bytesOf(`--boundary\r\n${filePart("").headers}\r\n\r\nhalf`);
    await new Promise(() => {});
  }
  const read = await readUploadForm(silent(), TYPE);
  const reader = read.file[Symbol.asyncIterator]();
  // The parser may hold "half" back: it could be the beginning of a boundary.
  const pending = reader.next();
  await reader.return?.();
  await pending.catch(() => {});
  expect(await codeOf(read.fields())).toBe("request_aborted");
});

test("readUploadForm() passes a file larger than all buffers", async () => {
  const { reported, source } = endlessForm(8 * 1024 * 1024);
  const read = await readUploadForm(source, TYPE);
  let bytes = 0;
  for await (const chunk of read.file) bytes += chunk.byteLength;
  await read.fields();
  expect(bytes).toBe(reported.bytes);
});

test("MAX_FORM_OVERHEAD_BYTES covers the largest form that is accepted around a file", async () => {
  const name = "n".repeat(15_000);
  const fields = Array.from({ length: 32 }, (_, index) =>
    fieldPart(`${name}${index}`, "v".repeat(8192)),
  );
  const { body } = form([...fields, filePart("x")]);
  expect(Object.keys((await readAll(body)).fields)).toHaveLength(32);
  expect(body.length).toBeLessThan(MAX_FORM_OVERHEAD_BYTES);
});
