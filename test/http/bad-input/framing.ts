import { type Bytes, type Case, cases, chunked, request } from "./case.ts";

const PUT = "PUT /api/v1/upload/a.txt";
const TE = { "Transfer-Encoding": "chunked" };

/** A PUT whose chunks are as they come. */
const chunks = (body: string): Bytes[] => request(PUT, TE, body);
/** A PUT of five bytes with other words for its length. */
const length = (value: string | readonly string[]): Bytes[] =>
  request(PUT, { "Content-Length": value }, "hello");
const coding = (value: string | readonly string[]): Bytes[] =>
  request(PUT, { "Transfer-Encoding": value }, chunked("hello"));
const bad = [400, "invalid_request"] as const;
const cut = [400, "invalid_request"] as const;

/** Where a body ends (RFC 9112, 6): what two readers might read differently is refused. */
export const FRAMING: readonly Case[] = cases("framing", [
  ["a length and chunks", request(PUT, { ...TE, "Content-Length": 5 }, chunked("hello")), ...bad],
  ["chunks and a length", request(PUT, { "Content-Length": 5, ...TE }, chunked("hello")), ...bad],
  ["two lengths", length(["5", "6"]), ...bad],
  ["twice the same length", length(["5", "5"]), ...bad],
  ["a list of lengths", length("5, 5"), ...bad],
  ["a negative length", length("-5"), ...bad],
  ["a length with a plus", length("+5"), ...bad],
  ["a length in hex", length("0x5"), ...bad],
  ["a length in decimals", length("5.0"), ...bad],
  ["a length with an exponent", length("1e1"), ...bad],
  ["an empty length", length(""), ...bad],
  ["a length of letters", length("five"), ...bad],
  ["a length in other digits", length("٥"), ...bad],
  ["a length beyond 64 bits", length("18446744073709551617"), ...bad],
  ["a length with zeros in front", length("0005"), 201, null, { stored: "hello" }],
  ["a length beyond the limit", length("1001"), 413, "upload_too_large", { goodbye: "answered" }],
  [
    "a length of a petabyte",
    length("1000000000000000"),
    413,
    "upload_too_large",
    { goodbye: "answered" },
  ],
  [
    "a length beyond what is exact",
    length("9007199254740993"),
    413,
    "upload_too_large",
    { goodbye: "answered" },
  ],
  ["one byte too many in chunks", chunks(chunked("x".repeat(1001))), 413, "upload_too_large"],
  ["as many as may be, in chunks", chunks(chunked("x".repeat(1000))), 201, null],
  ["as many as may be, with a length", request(PUT, {}, "x".repeat(1000)), 201, null],
  ["chunks that are gzipped", coding("gzip, chunked"), ...bad],
  ["chunks that are not last", coding("chunked, gzip"), ...bad],
  ["chunks and identity", coding("chunked, identity"), ...bad],
  ["identity", coding("identity"), ...bad],
  ["chunks of chunks", coding("chunked, chunked"), ...bad],
  ["two codings", coding(["chunked", "chunked"]), ...bad],
  ["two codings, one unknown", coding(["chunked", "x"]), ...bad],
  ["an unknown coding", coding("xchunked"), ...bad],
  ["a coding with a tab", coding("\tchunked"), 201, null, { stored: "hello" }],
  ["a coding with a vertical tab", coding("\vchunked"), ...bad],
  ["a coding in quotes", coding('"chunked"'), ...bad],
  ["a coding with parameters", coding("chunked;q=1"), ...bad],
  ["an empty coding", coding(""), ...bad],
  ["a coding in capitals", coding("CHUNKED"), 201, null, { stored: "hello" }],
  ["a coding in HTTP/1.0", request(`${PUT} HTTP/1.0`, TE, chunked("hello")), ...bad],
  [
    "a space before the colon",
    request(PUT, { "Transfer-Encoding ": "chunked" }, "0\r\n\r\n"),
    ...bad,
  ],
  ["a coding with underscores", request(PUT, { Transfer_Encoding: "chunked" }, "hello"), 201, null],
  ["a size that is no number", chunks("zz\r\nhello\r\n0\r\n\r\n"), ...cut],
  ["a size with 0x", chunks("0x5\r\nhello\r\n0\r\n\r\n"), ...cut],
  ["a negative size", chunks("-5\r\nhello\r\n0\r\n\r\n"), ...cut],
  ["an empty size", chunks("\r\nhello\r\n0\r\n\r\n"), ...cut],
  ["a size with a space", chunks("5 \r\nhello\r\n0\r\n\r\n"), ...cut],
  ["a size beyond 64 bits", chunks("fffffffffffffffff\r\nhello\r\n0\r\n\r\n"), ...cut],
  ["a size beyond the limit", chunks("fffffff\r\nhello"), ...cut, { goodbye: "end" }],
  ["a chunk without its end", chunks("5\r\nhello0\r\n\r\n"), ...cut],
  ["a chunk longer than it says", chunks("4\r\nhello\r\n0\r\n\r\n"), ...cut],
  ["chunks with bare line feeds", chunks("5\nhello\n0\n\n"), ...cut],
  ["chunks with bare carriage returns", chunks("5\rhello\r0\r\r"), ...cut],
  [
    "chunks with extensions",
    chunks("5;a=b;c\r\nhello\r\n0\r\n\r\n"),
    201,
    null,
    { stored: "hello" },
  ],
  ["an extension with a line feed", chunks("5;a\nb\r\nhello\r\n0\r\n\r\n"), ...cut],
  ["an endless extension", chunks(`5;${"a".repeat(20_000)}\r\nhello\r\n0\r\n\r\n`), ...cut],
  ["a trailer", chunks("5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"), 201, null, { stored: "hello" }],
  ["a trailer that is a header", chunks("5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n"), ...cut],
  ["a trailer that is none", chunks("5\r\nhello\r\n0\r\n\0: 1\r\n\r\n"), ...cut],
  [
    "endless trailers",
    chunks(`5\r\nhello\r\n0\r\nX: ${"a".repeat(20_000)}\r\n\r\n`),
    431,
    "invalid_request",
  ],
  ["chunks that never end", chunks("5\r\nhello\r\n"), ...cut, { goodbye: "end" }],
  ["a chunk that never ends", chunks("5\r\nhel"), ...cut, { goodbye: "end" }],
  ["a body that never ends", length("6"), ...cut, { goodbye: "end" }],
  ["a body that never begins", request(PUT, { "Content-Length": 6 }), ...cut, { goodbye: "end" }],
  [
    "a sender that goes before the body",
    request(PUT, { "Content-Length": 6 }),
    0,
    null,
    { goodbye: "reset" },
  ],
  ["a sender that goes in the body", length("6"), 0, null, { goodbye: "reset" }],
  ["a sender that goes in the headers", "PUT /api/v1/upl", 0, null, { goodbye: "reset" }],
  [
    "a sender that ends in the headers",
    "PUT /api/v1/upload/a HTTP/1.1\r\nHo",
    ...bad,
    { goodbye: "end" },
  ],
  ["a sender that says nothing", "", 0, null, { goodbye: "end" }],
]);
