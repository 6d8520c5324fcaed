import { MINE } from "../../support/abused-server.ts";
import { type Bytes, type Case, cases, type Headers, request } from "./case.ts";

const UPLOAD = "/api/v1/upload";
const bad = [400, "invalid_request"] as const;
const parameter = [422, "invalid_parameter"] as const;
const type = [415, "unsupported_media_type"] as const;
const reprocess = (body: Bytes, headers: Headers = {}): Bytes[] =>
  request(
    `POST ${UPLOAD}/{mine}/reprocess`,
    { "Content-Type": "application/json", ...headers },
    body,
  );
const file = (headers: Headers, method = "GET"): Bytes[] =>
  request(`${method} ${UPLOAD}/{mine}/file`, headers);
const range = (value: string | readonly string[]): Bytes[] => file({ Range: value });
const SIZE = MINE.text.length;
const unsatisfiable = [
  416,
  "range_not_satisfiable",
  { holds: new RegExp(`content-range: bytes \\*/${SIZE}\\r`, "i") },
] as const;
const whole = [200, null, { holds: new RegExp(`content-length: ${SIZE}\\r`, "i") }] as const;

/** Bodies of JSON, ranges and conditions (RFC 8259; RFC 9110, 13 and 14). */
export const BODIES: readonly Case[] = [
  ...cases("JSON", [
    ["none", reprocess("{"), ...bad],
    ["words", reprocess("text"), ...bad],
    ["something behind", reprocess("{} x"), ...bad],
    ["two of it", reprocess("{}{}"), ...bad],
    ["with comments", reprocess("{/* x */}"), ...bad],
    ["with a comma too many", reprocess('{"processors":["text"],}'), ...bad],
    ["in single quotes", reprocess("{'processors':['text']}"), ...bad],
    ["that is no UTF-8", reprocess(Buffer.from('{"processors":["\xff"]}', "latin1")), ...bad],
    [
      "in UTF-16",
      reprocess(Buffer.from('\ufeff{"processors":["text"]}', "utf16le"), {
        "Content-Type": "application/json; charset=utf-16",
      }),
      ...bad,
    ],
    ["null", reprocess("null"), ...parameter],
    ["a list", reprocess("[]"), ...parameter],
    ["a number", reprocess("1"), ...parameter],
    ["a field that is unknown", reprocess('{"processor":"text"}'), ...parameter],
    ["a word for a list", reprocess('{"processors":"text"}'), ...parameter],
    ["numbers for words", reprocess('{"processors":[1]}'), ...parameter],
    ["an empty list", reprocess('{"processors":[]}'), ...parameter],
    [
      "33 processors",
      reprocess(JSON.stringify({ processors: Array(33).fill("text") })),
      ...parameter,
    ],
    ["a processor that is none", reprocess('{"processors":["../x"]}'), 422, "unknown_processor"],
    ["__proto__", reprocess('{"__proto__":{"processors":["x"]}}'), ...parameter],
    [
      "a name twice",
      reprocess('{"processors":["x"],"processors":["y"]}'),
      422,
      "unknown_processor",
    ],
    ["100,000 levels", reprocess("[".repeat(8000) + "]".repeat(8000)), ...parameter],
    ["one byte too many", reprocess(`"${"x".repeat(16 * 1024 - 1)}"`), 413, "body_too_large"],
    [
      "one byte too many, in chunks",
      reprocess(`4001\r\n${" ".repeat(16 * 1024 + 1)}\r\n0\r\n\r\n`, {
        "Transfer-Encoding": "chunked",
      }),
      413,
      "body_too_large",
    ],
    ["as text", reprocess("{}", { "Content-Type": "text/plain" }), ...type],
    [
      "as a form",
      reprocess("{}", { "Content-Type": "application/x-www-form-urlencoded" }),
      ...type,
    ],
    ["without a type", reprocess("{}", { "Content-Type": null }), ...type],
    ["gzipped", reprocess("{}", { "Content-Encoding": "gzip" }), ...type],
    ["that stops", reprocess("{", { "Content-Length": 5 }), ...bad, { goodbye: "end" }],
    [
      "of an upload that is not there",
      request(`POST ${UPLOAD}/nothing/reprocess`, { "Content-Type": "application/json" }, "{}"),
      404,
      "upload_not_found",
    ],
  ]),
  ...cases("range", [
    ["of one byte", range("bytes=0-0"), 206, null, { holds: /content-range: bytes 0-0\//i }],
    ["of the end", range("bytes=-5"), 206],
    ["beyond the end", range("bytes=0-999999999999999999999"), 206],
    ["behind the end", range("bytes=1000-"), ...unsatisfiable],
    ["of nothing", range("bytes=-0"), ...unsatisfiable],
    ["in numbers without an end", range(`bytes=${"9".repeat(400)}-`), ...unsatisfiable],
    ["from the end to the beginning", range("bytes=5-2"), ...whole],
    ["in other units", range("lines=1-2"), ...whole],
    ["without units", range("0-5"), ...whole],
    ["of letters", range("bytes=a-b"), ...whole],
    ["of a dash", range("bytes=-"), ...whole],
    ["with a sign", range("bytes=+1-5"), ...whole],
    ["an empty one", range(""), ...whole],
    ["two of them", range("bytes=0-1,3-4"), ...whole],
    ["a thousand of them", range(`bytes=${Array(1000).fill("0-1").join(",")}`), ...whole],
    ["two headers", range(["bytes=0-1", "bytes=3-4"]), ...whole],
    ["of a HEAD", file({ Range: "bytes=0-0" }, "HEAD"), 200],
    ["of the list", request(`GET ${UPLOAD}`, { Range: "bytes=0-1" }), 200],
  ]),
  ...cases("condition", [
    ["If-Match of another", file({ "If-Match": '"x"' }), 412, "precondition_failed"],
    ["If-Match of anything", file({ "If-Match": "*" }), 200],
    ["If-Match without quotes", file({ "If-Match": "x" }), 412, "precondition_failed"],
    ["If-Match of nothing", file({ "If-Match": "" }), 412, "precondition_failed"],
    ["If-Match of quotes left open", file({ "If-Match": '"' }), 412, "precondition_failed"],
    ["If-None-Match of anything", file({ "If-None-Match": "*" }), 304],
    [
      "If-None-Match of 1,000 tags",
      file({ "If-None-Match": Array(1000).fill('"x"').join(",") }),
      ...whole,
    ],
    ["If-None-Match of commas", file({ "If-None-Match": ",,,,," }), ...whole],
    [
      "If-Modified-Since tomorrow",
      file({ "If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT" }),
      304,
    ],
    ["If-Modified-Since in no date", file({ "If-Modified-Since": "tomorrow" }), ...whole],
    [
      "If-Unmodified-Since 1970",
      file({ "If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT" }),
      412,
      "precondition_failed",
    ],
    [
      "If-Unmodified-Since on a day that is none",
      file({ "If-Unmodified-Since": "Thu, 32 Jan 1970 00:00:00 GMT" }),
      ...whole,
    ],
    ["If-Range of another", file({ Range: "bytes=0-0", "If-Range": '"x"' }), ...whole],
    ["If-Range of a weak tag", file({ Range: "bytes=0-0", "If-Range": 'W/"x"' }), ...whole],
    ["If-Range of nonsense", file({ Range: "bytes=0-0", "If-Range": "nonsense" }), ...whole],
  ]),
];
