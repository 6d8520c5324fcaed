import { type Bytes, type Case, cases, chunked, type Options, request } from "./case.ts";

const POST = "POST /api/v1/upload";
const bad = [400, "invalid_multipart"] as const;

/** A form of these parts, each its headers, an empty line and its content. */
function form(
  parts: readonly string[],
  { type = "multipart/form-data; boundary=b", before = "", end = "--b--\r\n", boundary = "b" } = {},
): Bytes[] {
  const body = parts.map((part) => `--${boundary}\r\n${part}\r\n`).join("");
  return request(POST, { "Content-Type": type }, `${before}${body}${end}`);
}
const field = (name: string, value: string): string =>
  `Content-Disposition: form-data; name="${name}"\r\n\r\n${value}`;
const fileOf = (parameters: string, content = "hello", headers = ""): string =>
  `Content-Disposition: form-data; ${parameters}\r\n${headers}\r\n${content}`;
const file = fileOf('name="file"; filename="kanari-name.txt"');
const hello: Options = { stored: "hello" };
/** A file whose disposition says this. */
const named = (parameters: string): Bytes[] => form([fileOf(`name="file"; ${parameters}`)]);
const called = (name: string): Bytes[] => named(`filename="${name}"`);
const keeps = (name: string): Options => ({
  ...hello,
  holds: new RegExp(
    Buffer.from(`"filename":${JSON.stringify(name)}`)
      .toString("latin1")
      .replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"),
  ),
});
const withMetadata = (json: string): Bytes[] => form([field("metadata", json), file]);
const withBoundary = (parameter: string, boundary = "b"): Bytes[] =>
  form([file], { type: `multipart/form-data; ${parameter}`, boundary, end: `--${boundary}--\r\n` });
const parameter = [422, "invalid_parameter"] as const;
const metadata = [422, "invalid_metadata"] as const;
const name = [422, "invalid_filename"] as const;
const type = [415, "unsupported_media_type"] as const;
const whole = Buffer.concat(
  form([file])
    .slice(1)
    .map((piece) => Buffer.from(piece)),
);

const tooLarge = [413, "upload_too_large"] as const;
/** More than anything around a file may be, and than the longest file here. */
const ENDLESS = "This is a form.\r\n".repeat(90_000);
const inChunks = (...pieces: readonly string[]): Bytes[] =>
  request(
    POST,
    { "Content-Type": "multipart/form-data; boundary=b", "Transfer-Encoding": "chunked" },
    chunked(...pieces),
  );

/** multipart/form-data (RFC 7578, RFC 2046, 5.1). */
export const FORMS: readonly Case[] = [
  ...cases("boundary", [
    ["none", withBoundary(""), ...bad],
    ["an empty one", withBoundary("boundary="), ...bad],
    ["an empty one in quotes", withBoundary('boundary=""'), ...bad],
    ["one that is never closed", withBoundary('boundary="b'), ...bad],
    ["one of 71 characters", withBoundary(`boundary=${"b".repeat(71)}`, "b".repeat(71)), ...bad],
    [
      "one of 70 characters",
      withBoundary(`boundary=${"b".repeat(70)}`, "b".repeat(70)),
      201,
      null,
      hello,
    ],
    ["one of 10,000 characters", withBoundary(`boundary=${"b".repeat(10_000)}`, "b"), ...bad],
    ["one in quotes", withBoundary('boundary="b"'), 201, null, hello],
    [
      "one with odd characters",
      withBoundary(`boundary="'()+_,-./:=?"`, "'()+_,-./:=?"),
      201,
      null,
      hello,
    ],
    ["one with a space in it", withBoundary('boundary="a b"', "a b"), 201, null, hello],
    ["one of dashes", withBoundary("boundary=----", "----"), 201, null, hello],
    ["one in capitals", withBoundary("BOUNDARY=b"), 201, null, hello],
    ["another one than in the body", withBoundary("boundary=c"), ...bad],
    ["two of them", withBoundary("boundary=b; boundary=c"), 201, null, hello],
    ["one that is a prefix of the body's", withBoundary("boundary=b", "bb"), ...bad],
    ["other parameters", withBoundary('charset=utf-8; boundary=b; x="y;z"'), 201, null, hello],
  ]),
  ...cases("form", [
    ["nothing", form([], { end: "" }), ...bad],
    ["nothing but its end", form([]), 400, "missing_file"],
    ["no final boundary", form([file], { end: "" }), ...bad],
    ["half a final boundary", form([file], { end: "--b-" }), ...bad],
    ["a final boundary without a line break", form([file], { end: "--b--" }), 201, null, hello],
    [
      "an end in the middle of a file",
      request(
        POST,
        { "Content-Type": "multipart/form-data; boundary=b" },
        `--b\r\n${file.slice(0, -3)}`,
      ),
      ...bad,
    ],
    ["an end in the middle of a part's headers", form(["Content-Dispo"], { end: "" }), ...bad],
    ["a preamble", form([file], { before: "This is a form.\r\n" }), 201, null, hello],
    ["an epilogue", form([file], { end: "--b--\r\nThat was it.\r\n--b\r\n" }), 201, null, hello],
    ["a preamble without end, in chunks", inChunks(ENDLESS), ...tooLarge],
    ["an epilogue without end, in chunks", inChunks(whole.toString(), ENDLESS), ...tooLarge],
    ["a preamble and an epilogue, in chunks", inChunks("x\r\n", `${whole}x`), 201, null, hello],
    [
      "a boundary inside a line",
      form([fileOf('name="file"; filename="a"', "x--b--x")]),
      201,
      null,
      { stored: "x--b--x" },
    ],
    [
      "a boundary behind a bare line feed",
      form([fileOf('name="file"; filename="a"', "x\n--b\nx")]),
      201,
      null,
      { stored: "x\n--b\nx" },
    ],
    [
      "bare line feeds",
      request(
        POST,
        { "Content-Type": "multipart/form-data; boundary=b" },
        whole.toString().replaceAll("\r\n", "\n"),
      ),
      ...bad,
    ],
    ["a padded boundary", form([file], { boundary: "b \t", end: "--b-- \r\n" }), 201, null, hello],
    [
      "a boundary that is the beginning of a line",
      form([fileOf('name="file"; filename="a"', "x\r\n--bb\r\nx")]),
      ...bad,
    ],
    ["a final boundary that is the beginning of a line", form([file], { end: "--b--x" }), ...bad],
    [
      "an empty part right behind its headers",
      form([file], {
        before: '--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n',
      }),
      201,
      null,
      hello,
    ],
    ["two files", form([file, file]), 400, "too_many_files"],
    [
      "a second file with a raw quote in its name",
      form([file, fileOf('name="file"; filename="b"c.txt"')]),
      400,
      "too_many_files",
    ],
    [
      "a second file input, left empty",
      form([
        file,
        fileOf('name="file"; filename=""', "", "Content-Type: application/octet-stream\r\n"),
      ]),
      201,
      null,
      hello,
    ],
    ["a thousand files", form(Array(1_000).fill(file)), 400, "too_many_files"],
    ["a file in another field", form([fileOf('name="cv"; filename="a"')]), 400, "missing_file"],
    [
      "a file in a field of its name in capitals",
      form([fileOf('name="FILE"; filename="a"')]),
      400,
      "missing_file",
    ],
    ["a file that is text", form([field("file", "hello")]), ...name],
    ["fields and no file", form([field("metadata", "{}")]), 400, "missing_file"],
    [
      "32 fields",
      form([...Array.from({ length: 32 }, (_, i) => field(`f${i}`, "x")), file]),
      201,
      null,
      hello,
    ],
    [
      "10,000 fields",
      form(Array.from({ length: 10_000 }, (_, i) => field(`f${i}`, "x"))),
      400,
      "too_many_fields",
    ],
    [
      "10,000 fields after the file",
      form([file, ...Array.from({ length: 10_000 }, (_, i) => field(`f${i}`, "x"))]),
      400,
      "too_many_fields",
    ],
    [
      "a field of 8 KiB and one byte",
      form([field("x", "x".repeat(8193)), file]),
      400,
      "too_many_fields",
    ],
    ["a name of 1 MB", form([field("x".repeat(1_000_000), "x"), file]), ...bad],
    ["a filename of 1 MB", called("x".repeat(1_000_000)), ...bad],
    ["a field without a name", form(["Content-Disposition: form-data\r\n\r\nx", file]), ...bad],
    ["a part without a disposition", form(["Content-Type: text/plain\r\n\r\nx", file]), ...bad],
    ["a part without headers", form(["\r\nx", file]), ...bad],
    [
      "a part that is an attachment",
      form(['Content-Disposition: attachment; name="file"; filename="a"\r\n\r\nx']),
      ...bad,
    ],
    [
      "part headers that start with a space",
      form([' Content-Disposition: form-data; name="x"\r\n\r\nx', file]),
      ...bad,
    ],
    [
      "part headers that are folded",
      form([fileOf('name="file";\r\n filename="a"')]),
      201,
      null,
      keeps("a"),
    ],
    ["part headers of NUL", form(["\0\0: \0\r\n\r\nx", file]), ...bad],
    ["two dispositions", form([`Content-Disposition: form-data; name="x"\r\n${file}`]), ...bad],
    [
      "__proto__, constructor, toString",
      form([
        field("__proto__", '{"a":1}'),
        field("constructor", "x"),
        field("toString", "x"),
        file,
      ]),
      201,
      null,
      hello,
    ],
    [
      "fields after the file",
      form([file, field("metadata", '{"a":1}'), field("auto_process", "false")]),
      201,
      null,
      { holds: /"metadata":\{"a":1\}/ },
    ],
    ["a wrong field after the file", form([file, field("auto_process", "perhaps")]), ...parameter],
    [
      "a file in base64",
      form([
        fileOf('name="file"; filename="a"', "aGVsbG8=", "Content-Transfer-Encoding: base64\r\n"),
      ]),
      ...bad,
    ],
    [
      "a file in quoted-printable",
      form([
        fileOf(
          'name="file"; filename="a"',
          "=68=69",
          "Content-Transfer-Encoding: quoted-printable\r\n",
        ),
      ]),
      ...bad,
    ],
    [
      "a file in 8bit",
      form([fileOf('name="file"; filename="a"', "hello", "Content-Transfer-Encoding: 8bit\r\n")]),
      201,
      null,
      hello,
    ],
    [
      "a form in a form",
      form([
        fileOf(
          'name="file"',
          "--c\r\n\r\nx\r\n--c--",
          "Content-Type: multipart/mixed; boundary=c\r\n",
        ),
      ]),
      422,
      "invalid_filename",
    ],
    [
      "a file that is a form",
      form([
        fileOf(
          'name="file"; filename="a"',
          "--c\r\n\r\nx\r\n--c--",
          "Content-Type: multipart/mixed; boundary=c\r\n",
        ),
      ]),
      201,
      null,
      { stored: "--c\r\n\r\nx\r\n--c--" },
    ],
    [
      "a type of a part that is none",
      form([fileOf('name="file"; filename="a"', "hello", "Content-Type: ;;;\r\n")]),
      201,
      null,
      hello,
    ],
    [
      "a file of a type with line breaks encoded",
      form([fileOf('name="file"; filename="a"', "hello", "Content-Type: text/x%0d%0a\r\n")]),
      201,
      null,
      hello,
    ],
    ["an empty file", form([fileOf('name="file"; filename="a"', "")]), 201, null, { stored: "" }],
    [
      "a file as long as may be",
      form([fileOf('name="file"; filename="a"', "x".repeat(1000))]),
      201,
      null,
      { stored: "x".repeat(1000) },
    ],
    [
      "a file one byte too long",
      form([fileOf('name="file"; filename="a"', "x".repeat(1001))]),
      413,
      "upload_too_large",
    ],
    [
      "a form far too long",
      request(POST, {
        "Content-Type": "multipart/form-data; boundary=b",
        "Content-Length": 2_000_000,
      }),
      413,
      "upload_too_large",
      { goodbye: "answered" },
    ],
    [
      "a form that stops",
      request(
        POST,
        { "Content-Type": "multipart/form-data; boundary=b", "Content-Length": 5000 },
        whole,
      ),
      400,
      "invalid_request",
      { goodbye: "end" },
    ],
    [
      "a sender that goes in the middle of its file",
      request(
        POST,
        { "Content-Type": "multipart/form-data; boundary=b", "Content-Length": whole.length },
        whole.subarray(0, -15),
      ),
      0,
      null,
      { goodbye: "reset" },
    ],
    ...Array.from({ length: whole.length - 1 }, (_, i) => i + 1)
      // Each a connection of its own; the parser's own test splits at every byte.
      .filter((at) => at < 8 || at > whole.length - 14)
      .map((at): Parameters<typeof cases>[1][number] => [
        `two chunks, the second from its byte ${at} on`,
        [
          ...request(
            POST,
            { "Content-Type": "multipart/form-data; boundary=b", "Transfer-Encoding": "chunked" },
            `${at.toString(16)}\r\n`,
          ),
          whole.subarray(0, at),
          `\r\n${(whole.length - at).toString(16)}\r\n`,
          whole.subarray(at),
          "\r\n0\r\n\r\n",
        ],
        201,
        null,
        hello,
      ]),
  ]),
  ...cases("filename", [
    ["an empty one, and no type", called(""), ...name],
    [
      "an empty one",
      form([fileOf('name="file"; filename=""', "x", "Content-Type: a/b\r\n")]),
      ...name,
    ],
    ["a dot", called("."), ...name],
    ["two dots", called(".."), ...name],
    ["a way up", called("../../../etc/passwd"), 201, null, keeps("passwd")],
    [
      "a way up that is encoded",
      called("%2e%2e%2fetc%2fpasswd"),
      201,
      null,
      keeps("%2e%2e%2fetc%2fpasswd"),
    ],
    ["an absolute path", called("/etc/passwd"), 201, null, keeps("passwd")],
    [
      "a path of Windows",
      called("C:\\\\cv\\\\kanari-name.txt"),
      201,
      null,
      keeps("kanari-name.txt"),
    ],
    ["a folder", called("cv/"), ...name],
    ["two dots in a folder", called("cv/.."), ...name],
    ["NUL", called("a\0.txt"), ...bad],
    ["a carriage return", called("a\r.txt"), ...bad],
    ["ESC", called("a\x1b[2J"), ...bad],
    ["DEL", called("a\x7f"), ...bad],
    ["a line feed that is encoded", named("filename*=UTF-8''a%0Ab"), ...name],
    ["NUL that is encoded", named("filename*=UTF-8''a%00b"), ...name],
    ["a C1 control", called("a\u0085b"), ...name],
    [
      "text from right to left",
      called("kanari-name-\u202etxt.exe"),
      201,
      null,
      keeps("kanari-name-\u202etxt.exe"),
    ],
    ["an emoji", called("👩‍💻.txt"), 201, null, keeps("👩‍💻.txt")],
    ["255 bytes", called(`${"a".repeat(251)}.txt`), 201, null, keeps(`${"a".repeat(251)}.txt`)],
    ["256 bytes", called(`${"a".repeat(252)}.txt`), 201, null, keeps(`${"a".repeat(251)}.txt`)],
    ["300 emoji", called("🐈".repeat(300)), 201, null, keeps("🐈".repeat(63))],
    ["letters and their accents apart", called("a\u0308.txt"), 201, null, keeps("ä.txt")],
    ["a reserved name of Windows", called("CON"), 201, null, keeps("CON")],
    ["spaces and dots at its end", called("a. . "), 201, null, hello],
    ["a tilde", called("~root"), 201, null, keeps("~root")],
    ["our own folder", called(".stowage"), 201, null, keeps(".stowage")],
    ["HTML", called("<script>alert(1)</script>"), 201, null, keeps("script>")],
    ["SQL", called("'; DROP TABLE uploads; --"), 201, null, hello],
    ["__proto__", called("__proto__"), 201, null, keeps("__proto__")],
    [
      "bytes that are no UTF-8",
      request(
        POST,
        { "Content-Type": "multipart/form-data; boundary=b" },
        Buffer.from(whole.toString().replace("kanari-name", "\xff\xfe"), "latin1"),
      ),
      ...name,
    ],
    ["one without quotes", named("filename=a.txt"), 201, null, keeps("a.txt")],
    ["a quote in it", called('a\\"b.txt'), 201, null, keeps('a"b.txt')],
    ["a raw quote in it", called('a"b.txt'), 201, null, keeps('a"b.txt')],
    ["a raw quote before a semicolon", called('a"; b.txt'), ...bad],
    ["an extended one", named("filename*=UTF-8''%e2%82%ac.txt"), 201, null, keeps("€.txt")],
    [
      "an extended one in Latin-1",
      named("filename*=iso-8859-1'en'%a3.txt"),
      201,
      null,
      keeps("£.txt"),
    ],
    [
      "an extended one beside a plain one",
      named(`filename="a.txt"; filename*=UTF-8''%c3%a4.txt`),
      201,
      null,
      keeps("ä.txt"),
    ],
    [
      "an extended one before a plain one",
      named(`filename*=UTF-8''%c3%a4.txt; filename="a.txt"`),
      201,
      null,
      keeps("ä.txt"),
    ],
    ["an extended one without its quotes", named("filename*=a.txt"), ...name],
    ["an extended one in no charset", named("filename*=nonsense''a.txt"), ...name],
    ["an extended one that is broken", named("filename*=UTF-8''%zz%"), ...name],
    ["an extended one that is no UTF-8", named("filename*=UTF-8''%ff%fe.txt"), ...name],
    ["an extended lone surrogate", named("filename*=UTF-8''%ed%a0%80.txt"), ...name],
    [
      "an extended one in no charset beside a plain one",
      named("filename=\"a.txt\"; filename*=nonsense''b.txt"),
      201,
      null,
      keeps("a.txt"),
    ],
    ["an extended way up", named("filename*=UTF-8''..%2f..%2fpasswd"), 201, null, keeps("passwd")],
    ["one in pieces", named('filename*0="a"; filename*1=".txt"'), ...name],
    ["two of them", named('filename="a.txt"; filename="b.txt"'), 201, null, hello],
  ]),
  ...cases("auto_process", [
    ...["TRUE", "1", "yes", "", " true", "null", "true,false", "[true]", "truе"].map(
      (value): Parameters<typeof cases>[1][number] => [
        JSON.stringify(value),
        form([field("auto_process", value), file]),
        ...parameter,
      ],
    ),
    [
      "twice",
      form([field("auto_process", "true"), field("auto_process", "true"), file]),
      ...parameter,
    ],
    [
      "a file of its own",
      form([fileOf('name="auto_process"; filename="a"', "true"), file]),
      400,
      "missing_file",
    ],
    [
      "a wrong one in a query",
      request("PUT /api/v1/upload/a?auto_process=1", {}, "x"),
      ...parameter,
    ],
    [
      "two in a query",
      request("PUT /api/v1/upload/a?auto_process=true&auto_process=false", {}, "x"),
      ...parameter,
    ],
  ]),
  ...cases("metadata", [
    ["no JSON", withMetadata("{"), ...metadata],
    ["nothing", withMetadata(""), ...metadata],
    ["a list", withMetadata("[1]"), ...metadata],
    ["null", withMetadata("null"), ...metadata],
    ["a word", withMetadata('"a"'), ...metadata],
    ["NaN", withMetadata('{"a":NaN}'), ...metadata],
    ["something behind", withMetadata('{"a":1} x'), ...metadata],
    ["2,048 bytes", withMetadata(`{"a":"${"x".repeat(2040)}"}`), 201, null, hello],
    ["2,049 bytes", withMetadata(`{"a":"${"x".repeat(2041)}"}`), ...metadata],
    ["9 levels", withMetadata(`${'{"a":'.repeat(9)}1${"}".repeat(9)}`), ...metadata],
    ["1,000 levels", withMetadata(`{"a":${"[".repeat(1000)}${"]".repeat(1000)}}`), ...metadata],
    ["a name twice", withMetadata('{"a":1,"a":2}'), 201, null, { holds: /"metadata":\{"a":2\}/ }],
    [
      "__proto__",
      withMetadata('{"__proto__":{"admin":true}}'),
      201,
      null,
      { holds: /"metadata":\{"__proto__":\{"admin":true\}\}/ },
    ],
    ["a lone surrogate", withMetadata('{"a":"\\ud800"}'), 201, null, hello],
    ["NUL", withMetadata('{"a":"\\u0000"}'), 201, null, hello],
    ["a number without an end", withMetadata(`{"a":1e999}`), ...metadata],
    ["a BOM", withMetadata('\ufeff{"a":1}'), ...metadata],
    ["two of them", form([field("metadata", "{}"), field("metadata", "{}"), file]), ...parameter],
    [
      "a charset that is unknown",
      form([
        `Content-Disposition: form-data; name="metadata"\r\nContent-Type: text/plain; charset=nonsense\r\n\r\n{}`,
        file,
      ]),
      ...bad,
    ],
  ]),
  ...cases("media type", [
    ["JSON for a form", request(POST, { "Content-Type": "application/json" }, "{}"), ...type],
    ["no type for a form", request(POST, {}, "x"), ...type],
    [
      "a form of pairs",
      request(POST, { "Content-Type": "application/x-www-form-urlencoded" }, "file=x"),
      ...type,
    ],
    ["multipart/mixed", form([file], { type: "multipart/mixed; boundary=b" }), ...type],
    [
      "two types",
      request(POST, { "Content-Type": ["multipart/form-data; boundary=b", "text/plain"] }, whole),
      ...bad,
    ],
    [
      "a type in capitals",
      form([file], { type: "Multipart/Form-Data; boundary=b" }),
      201,
      null,
      hello,
    ],
    [
      "a form that is gzipped",
      request(
        POST,
        { "Content-Type": "multipart/form-data; boundary=b", "Content-Encoding": "gzip" },
        whole,
      ),
      ...type,
    ],
    [
      "a file that is gzipped",
      request("PUT /api/v1/upload/a", { "Content-Encoding": "gzip" }, "x"),
      ...type,
    ],
    [
      "a file that is gzipped twice",
      request("PUT /api/v1/upload/a", { "Content-Encoding": "identity, gzip" }, "x"),
      ...type,
    ],
    [
      "a file that is not encoded",
      request("PUT /api/v1/upload/a", { "Content-Encoding": "identity" }, "hello"),
      201,
      null,
      hello,
    ],
    [
      "a form as a file",
      request("PUT /api/v1/upload/a", { "Content-Type": "multipart/form-data; boundary=b" }, whole),
      ...type,
    ],
    [
      "a type that is none",
      request("PUT /api/v1/upload/a", { "Content-Type": "no type at all" }, "hello"),
      201,
      null,
      hello,
    ],
    [
      "a type with quotes left open",
      request("PUT /api/v1/upload/a", { "Content-Type": 'text/plain; charset="' }, "hello"),
      201,
      null,
      hello,
    ],
    [
      "a type of 10 KB",
      request("PUT /api/v1/upload/a", { "Content-Type": `text/${"x".repeat(10_000)}` }, "hello"),
      201,
      null,
      hello,
    ],
  ]),
];
