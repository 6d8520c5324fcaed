import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { fieldPart, filePart, form, testApp } from "../../support/test-app.ts";
import { problemOf } from "../problem-of.ts";

const UPLOAD = "/api/v1/upload";
const TEXT = "hello";
/** Longer than what is looked at before the storage is called. */
const LONG = "0123456789".repeat(30_000);

function digest(algorithm: string, text: string, encoding: "hex" | "base64" = "base64"): string {
  return createHash(algorithm).update(text).digest(encoding);
}
const sha256 = (text: string) => `sha-256=:${digest("sha256", text)}:`;
const sha512 = (text: string) => `sha-512=:${digest("sha512", text)}:`;

/** A body of unknown length. */
const chunked = (text: string) => new Blob([text]).stream();

type Claims = Record<string, string>;
const HOLDS: [string, (text: string) => Claims][] = [
  ["Repr-Digest", (text) => ({ "Repr-Digest": sha256(text) })],
  ["Content-Digest", (text) => ({ "Content-Digest": sha256(text) })],
  ["a SHA-512", (text) => ({ "Repr-Digest": sha512(text) })],
  ["Content-MD5", (text) => ({ "Content-MD5": digest("md5", text) })],
  ["several, and unknown ones", (text) => several(text, text)],
  ["unknown ones only", () => ({ "Repr-Digest": "crc32c=:AAAAAA==:, x=(1);y=1" })],
  ["none in an empty header", () => ({ "Repr-Digest": "" })],
];
const WRONG: [string, (text: string) => Claims, string][] = [
  [
    "Repr-Digest",
    () => ({ "Repr-Digest": sha256("another") }),
    "sha256 does not match Repr-Digest",
  ],
  [
    "Content-Digest",
    () => ({ "Content-Digest": sha256("another") }),
    "sha256 does not match Content-Digest",
  ],
  ["a SHA-512", () => ({ "Repr-Digest": sha512("another") }), "sha512 does not match Repr-Digest"],
  [
    "Content-MD5",
    () => ({ "Content-MD5": digest("md5", "another") }),
    "md5 does not match Content-MD5",
  ],
  ["one of several", (text) => several(text, "another"), "md5 does not match Content-MD5"],
];

function several(text: string, ofMd5: string): Claims {
  return {
    "Repr-Digest": `${sha512(text)}, unixsum=:AAAA:, ${sha256(text)};q=1`,
    "Content-Digest": sha256(text),
    "Content-MD5": digest("md5", ofMd5),
  };
}

describe.each([
  ["PUT", (text: string) => ({ path: `${UPLOAD}/a.txt`, body: text, headers: {} })],
  ["POST", (text: string) => ({ path: UPLOAD, ...form([filePart(text)]) })],
])("%s /upload", (method, request) => {
  /** The same with its length known and unknown, within the first look and beyond it. */
  const bodies = [TEXT, LONG].flatMap((text) => {
    const { path, body, headers } = request(text);
    // Whatever stands after the last boundary belongs to the body, too.
    const whole = method === "POST" ? `${body}and an epilogue` : body;
    return [whole, () => chunked(whole)].map((sent) => ({ path, whole, headers, sent }));
  });

  test.each(HOLDS)("stores what hashes to %s", async (_, claims) => {
    const app = await testApp();
    for (const { path, whole, headers, sent } of bodies) {
      const body = typeof sent === "string" ? sent : sent();
      const answer = await app.send(method, path, {
        body,
        headers: { ...headers, ...claims(whole) },
      });
      expect(answer.status).toBe(201);
    }
  });

  test.each(
    WRONG,
  )("refuses what does not hash to %s, and keeps nothing", async (_, claims, reported) => {
    const app = await testApp();
    for (const { path, whole, headers, sent } of bodies) {
      const body = typeof sent === "string" ? sent : sent();
      const answer = await app.send(method, path, {
        body,
        headers: { ...headers, ...claims(whole) },
      });
      expect(await answer.clone().text()).toContain(reported);
      expect(await problemOf(answer)).toEqual({ status: 422, code: "digest_mismatch" });
      expect(await app.kept()).toEqual({ files: 0, records: 0 });
      expect(await app.rows()).toBe(0);
    }
  });

  test.each<[string, Claims]>([
    ["no dictionary", { "Repr-Digest": "sha-256=oops:" }],
    ["bare base64", { "Repr-Digest": digest("sha256", TEXT) }],
    ["hexadecimal", { "Content-Digest": `sha-256=${digest("sha256", TEXT, "hex")}` }],
    ["a flag", { "Repr-Digest": "sha-256" }],
    ["a list of digests", { "Repr-Digest": `sha-256=(:${digest("sha256", TEXT)}:)` }],
    ["a digest of another length", { "Repr-Digest": `sha-256=:${digest("md5", TEXT)}:` }],
    ["a SHA-512 of another length", { "Repr-Digest": `sha-512=:${digest("sha256", TEXT)}:` }],
    ["an MD5 in hexadecimal", { "Content-MD5": digest("md5", TEXT, "hex") }],
    ["an empty MD5", { "Content-MD5": "" }],
    ["two MD5s", { "Content-MD5": `${digest("md5", TEXT)}, ${digest("md5", TEXT)}` }],
  ])("answers %s with 400 before it reads", async (_, claims) => {
    const { path, headers } = request(TEXT);
    const app = await testApp({
      requestBody: () => {
        throw new Error("read");
      },
    });
    const answer = await app.send(method, path, { headers: { ...headers, ...claims } });
    expect(await problemOf(answer)).toEqual({ status: 400, code: "invalid_digest" });
    expect(await app.rows()).toBe(0);
  });
});

test("PUT /upload does not let a storage see the end of what is known to be wrong", async () => {
  const seen: string[] = [];
  const app = await testApp({
    tamper: (driver) => ({
      async put(key, body, options) {
        const stored = await driver.put(key, body, options);
        if (!key.startsWith(".stowage/")) seen.push(key);
        return stored;
      },
    }),
  });
  for (const body of [TEXT, LONG]) {
    const headers = { "Repr-Digest": sha256("another") };
    await app.send("PUT", `${UPLOAD}/a.txt`, { body, headers });
  }
  expect(seen).toEqual([]);
});

describe("the form field sha256", () => {
  const field = (text: string) => fieldPart("sha256", digest("sha256", text, "hex"));

  test.each([
    ["before the file", [field(TEXT), filePart(TEXT)]],
    ["after it", [filePart(TEXT), field(TEXT)]],
    [
      "in capitals",
      [filePart(TEXT), fieldPart("sha256", digest("sha256", TEXT, "hex").toUpperCase())],
    ],
  ])("is verified %s", async (_, parts) => {
    const app = await testApp();
    expect((await app.send("POST", UPLOAD, form(parts))).status).toBe(201);
  });

  test.each([
    ["another digest, after it", [filePart(TEXT), field("another")], 422, "digest_mismatch"],
    ["another digest, before it", [field("another"), filePart(TEXT)], 422, "digest_mismatch"],
    ["too short", [filePart(TEXT), fieldPart("sha256", "abc")], 400, "invalid_digest"],
    [
      "base64",
      [filePart(TEXT), fieldPart("sha256", digest("sha256", TEXT))],
      400,
      "invalid_digest",
    ],
    ["twice", [field(TEXT), field(TEXT), filePart(TEXT)], 422, "invalid_parameter"],
  ])("that is %s keeps nothing", async (_, parts, status, code) => {
    const app = await testApp();
    const answer = await app.send("POST", UPLOAD, form(parts));
    expect(await problemOf(answer)).toEqual({ status, code });
    expect(await app.kept()).toEqual({ files: 0, records: 0 });
    expect(await app.rows()).toBe(0);
  });
});
