import { createHash } from "node:crypto";
import { type Bytes, type Case, cases, type Headers, type Options, request } from "./case.ts";

const UPLOAD = "/api/v1/upload";
const PUT = `PUT ${UPLOAD}/a.txt`;
const put = (headers: Headers): Bytes[] => request(PUT, headers, "hello");
const digestOf = (algorithm: string, text: string): string =>
  createHash(algorithm).update(text).digest("base64");
const RIGHT = digestOf("sha256", "hello");
const WRONG = digestOf("sha256", "hellp");
const malformed = [400, "invalid_digest"] as const;
const mismatch = [422, "digest_mismatch"] as const;
const hello: Options = { stored: "hello" };
const stored = [201, null, hello] as const;
const form = (sha256: string): Bytes[] =>
  request(
    `POST ${UPLOAD}`,
    { "Content-Type": "multipart/form-data; boundary=b" },
    `--b\r\nContent-Disposition: form-data; name="sha256"\r\n\r\n${sha256}\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhello\r\n--b--\r\n`,
  );
const HEX = createHash("sha256").update("hello").digest("hex");

const key = (value: Headers[string]): Bytes[] => put({ "Idempotency-Key": value });
const badKey = [400, "invalid_idempotency_key"] as const;

const patch = (body: Bytes, headers: Headers = {}, id = "{mine}"): Bytes[] =>
  request(`PATCH ${UPLOAD}/${id}`, { "Content-Type": "application/json", ...headers }, body);
const bad = [400, "invalid_request"] as const;
const parameter = [422, "invalid_parameter"] as const;
const metadata = [422, "invalid_metadata"] as const;
const type = [415, "unsupported_media_type"] as const;
const expires = (time: string): Bytes[] => patch(JSON.stringify({ expires_at: time }));

/** What requests say of their bodies, of their repetition, and of changes. */
export const CHANGES: readonly Case[] = [
  ...cases("digest", [
    ["a right Repr-Digest", put({ "Repr-Digest": `sha-256=:${RIGHT}:` }), ...stored],
    ["a wrong Repr-Digest", put({ "Repr-Digest": `sha-256=:${WRONG}:` }), ...mismatch],
    ["a wrong Content-Digest", put({ "Content-Digest": `sha-256=:${WRONG}:` }), ...mismatch],
    [
      "a wrong sha-512",
      put({ "Repr-Digest": `sha-512=:${digestOf("sha512", "x")}:` }),
      ...mismatch,
    ],
    [
      "a wrong one in chunks",
      request(
        PUT,
        { "Repr-Digest": `sha-256=:${WRONG}:`, "Transfer-Encoding": "chunked" },
        "5\r\nhello\r\n0\r\n\r\n",
      ),
      ...mismatch,
    ],
    [
      "a right and a wrong one",
      put({ "Repr-Digest": `sha-256=:${RIGHT}:`, "Content-Digest": `sha-256=:${WRONG}:` }),
      ...mismatch,
    ],
    [
      "two headers, the last one wrong",
      put({ "Repr-Digest": [`sha-256=:${RIGHT}:`, `sha-256=:${WRONG}:`] }),
      ...mismatch,
    ],
    ["no dictionary", put({ "Repr-Digest": "nonsense=" }), ...malformed],
    ["no bytes", put({ "Repr-Digest": `sha-256=${RIGHT}` }), ...malformed],
    ["quotes", put({ "Repr-Digest": `sha-256="${RIGHT}"` }), ...malformed],
    ["no base64", put({ "Repr-Digest": "sha-256=:!!!!:" }), ...malformed],
    ["too short", put({ "Repr-Digest": "sha-256=:aGVsbG8=:" }), ...malformed],
    ["one that is never closed", put({ "Repr-Digest": `sha-256=:${RIGHT}` }), ...malformed],
    ["an empty header", put({ "Repr-Digest": "" }), ...stored],
    ["10 KB", put({ "Repr-Digest": `sha-256=:${"a".repeat(10_000)}:` }), ...malformed],
    ["an algorithm that is unknown", put({ "Repr-Digest": "x=:aGVsbG8=:" }), ...stored],
    ["a right Content-MD5", put({ "Content-MD5": digestOf("md5", "hello") }), ...stored],
    ["a wrong Content-MD5", put({ "Content-MD5": digestOf("md5", "x") }), ...mismatch],
    [
      "a Content-MD5 in hexadecimal",
      put({ "Content-MD5": "5d41402abc4b2a76b9719d911017c592" }),
      ...malformed,
    ],
    ["an empty Content-MD5", put({ "Content-MD5": "" }), ...malformed],
    [
      "a wrong one of a whole form",
      request(
        `POST ${UPLOAD}`,
        {
          "Content-Type": "multipart/form-data; boundary=b",
          "Content-Digest": `sha-256=:${WRONG}:`,
        },
        '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhello\r\n--b--\r\n',
      ),
      ...mismatch,
    ],
    ["a right field", form(HEX), ...stored],
    ["a right field in capitals", form(HEX.toUpperCase()), ...stored],
    ["a wrong field", form(HEX.replace(/^./, "0")), ...mismatch],
    ["a field of 63 digits", form(HEX.slice(1)), ...malformed],
    ["an empty field", form(""), ...malformed],
    ["a field in base64", form(RIGHT), ...malformed],
  ]),
  ...cases("repeat", [
    ["an empty key", key(""), ...badKey],
    ["a key of spaces", key("   "), ...badKey],
    ["a key of 256 characters", key("k".repeat(256)), ...badKey],
    ["a key of 255 characters", key("k".repeat(255)), ...stored],
    ["a key in Latin-1", [Buffer.from(String(key("\xe4")[0]), "latin1"), "hello"], ...badKey],
    ["a key with a control character", key("a\x07b"), ...bad],
    ["a key", key("kanari-repeat-1"), ...stored],
    ["the same once more", key("kanari-repeat-1"), ...stored],
    [
      "the same with other bytes",
      request(PUT, { "Idempotency-Key": "kanari-repeat-1" }, "hellp"),
      422,
      "idempotency_key_reused",
    ],
    [
      "the same for another name",
      request(`PUT ${UPLOAD}/b.txt`, { "Idempotency-Key": "kanari-repeat-1" }, "hello"),
      422,
      "idempotency_key_reused",
    ],
    ["two keys", key(["a", "b"]), ...badKey],
    [
      "a key of an upload that fails",
      request(
        PUT,
        { "Idempotency-Key": "kanari-repeat-2", "Repr-Digest": `sha-256=:${WRONG}:` },
        "hello",
      ),
      ...mismatch,
    ],
    ["the same of one that does not", key("kanari-repeat-2"), ...stored],
  ]),
  ...cases("change", [
    ["nothing", patch(""), 400, "invalid_request"],
    ["no JSON", patch("{"), ...bad],
    ["a list", patch("[]"), ...parameter],
    ["null", patch("null"), ...parameter],
    ["a field that is unknown", patch('{"size":1}'), ...parameter],
    ["a status", patch('{"status":"processed"}'), ...parameter],
    ["another tenant", patch('{"tenant_id":"other"}'), ...parameter],
    ["metadata of a list", patch('{"metadata":[1]}'), ...parameter],
    ["metadata of words", patch('{"metadata":"x"}'), ...parameter],
    ["metadata too large", patch(`{"metadata":{"a":"${"x".repeat(2048)}"}}`), ...metadata],
    ["metadata too deep", patch(`{"metadata":${'{"a":'.repeat(9)}1${"}".repeat(9)}}`), ...metadata],
    [
      "metadata of 1,000 levels",
      patch(`{"metadata":{"a":${"[".repeat(1000)}${"]".repeat(1000)}}}`),
      ...metadata,
    ],
    ["metadata of __proto__", patch('{"metadata":{"__proto__":{"admin":true}}}'), 200],
    [
      "a body too large",
      patch(`{"metadata":{"a":"${"x".repeat(200_000)}"}}`),
      413,
      "body_too_large",
    ],
    ["an end in the past", expires("2020-01-01T00:00:00Z"), ...parameter],
    ["an end that is none", expires("tomorrow"), ...parameter],
    ["an end on a day that is none", expires("2099-02-30T00:00:00Z"), ...parameter],
    ["an end in seconds", patch('{"expires_at":4000000000}'), ...parameter],
    ["an end in the year 275761", expires("+275761-01-01T00:00:00Z"), ...parameter],
    ["no end", patch('{"expires_at":null}'), 200],
    ["another type", patch("{}", { "Content-Type": "text/plain" }), ...type],
    ["JSON Patch", patch("[]", { "Content-Type": "application/json-patch+json" }), ...type],
    ["gzip", patch("{}", { "Content-Encoding": "gzip" }), ...type],
    ["If-Match of another", patch("{}", { "If-Match": '"x"' }), 412, "precondition_failed"],
    ["If-Match of anything", patch("{}", { "If-Match": "*" }), 200],
    ["an upload that is not there", patch("{}", {}, "nothing"), 404, "upload_not_found"],
    [
      "another tenant's upload",
      patch('{"metadata":{"a":1}}', {}, "{theirs}"),
      404,
      "upload_not_found",
    ],
    [
      "all uploads",
      request(`PATCH ${UPLOAD}`, { "Content-Type": "application/json" }, "{}"),
      405,
      "method_not_allowed",
    ],
  ]),
  ...cases("cursor", [
    [
      "one without a signature",
      request(
        `GET ${UPLOAD}?cursor=${Buffer.from("1.0.0193e8a0-0000-7000-8000-000000000000").toString("base64url")}`,
      ),
      400,
      "invalid_cursor",
    ],
    ["one of another tenant", request(`GET ${UPLOAD}?cursor={theirCursor}`), 400, "invalid_cursor"],
    ["our own", request(`GET ${UPLOAD}?cursor={myCursor}`), 200],
    ["our own, cut", request(`GET ${UPLOAD}?cursor={myCursor}x`), 400, "invalid_cursor"],
    ["our own, twice", request(`GET ${UPLOAD}?cursor={myCursor}{myCursor}`), 400, "invalid_cursor"],
    [
      "our own, for another list",
      request(`GET ${UPLOAD}?status=failed&cursor={myCursor}`),
      400,
      "invalid_cursor",
    ],
  ]),
];
