import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { redact, redactField } from "../../../src/adapters/log/redact.ts";

const KEY = `stw_0123456789abcdef_${"n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg"}`;
const JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJlLXNpZ25hdHVyZQ";
const AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKE";
const SIGNED = "https://b.s3.amazonaws.com/k?X-Amz-Date=1&X-Amz-Signature=0a1b2c3d4e5f&x=1";
const PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----";

/** Each secret with the part that must not be seen. */
const SECRETS: readonly (readonly [string, string])[] = [
  [`Authorization: Bearer ${"t0k3n".repeat(4)}`, "t0k3n"],
  ["Basic dXNlcjpodW50ZXIy", "dXNlcjpodW50ZXIy"],
  [KEY, "n4bQgYhMfWWaL"],
  [JWT, "c2lnbmF0dXJl"],
  [AWS_SECRET, "K7MDENG"],
  [`IQoJ${"b3JpZ2luX2Vj".repeat(10)}`, "b3JpZ2luX2Vj"],
  ["postgres://app:hunter2@db/app", "hunter2"],
  [SIGNED, "0a1b2c3d4e5f"],
  ["/file?token=hunter2hunter2", "hunter2"],
  ["AWS_SECRET_ACCESS_KEY=hunter2", "hunter2"],
  ['{"password":"hunter2"}', "hunter2"],
  [PEM, "MIIEvQIBADANBg"],
  [PEM.slice(0, 40), "MIIEvQ"],
];

describe("redact()", () => {
  it.each(SECRETS)("hides %j", (text, secret) => {
    const shown = redact(`before ${text} after`);
    expect(shown).not.toContain(secret);
    expect(shown).toContain("before ");
  });

  it("leaves enough of a key and an address to distinguish them", () => {
    expect(redact(KEY)).toBe("stw_0123456789abcdef_***");
    expect(redact("postgres://app:hunter2@db/app")).toBe("postgres://***@db/app");
    expect(redact(SIGNED)).toBe(SIGNED.replace("0a1b2c3d4e5f", "***"));
  });

  it.each([
    "Cannot verify token: its keys cannot be fetched",
    "acme/0199f3a0-0000-7000-8000-000000000000/resume.pdf",
    "key:9f86d081884c7d65",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "http://127.0.0.1:8000/api/v1/upload/?limit=5",
    "file:///srv/app/node_modules/@logtape/logtape/dist/mod.js:1:2",
    "Bearer of news",
  ])("leaves %j alone", (text) => {
    expect(redact(text)).toBe(text);
  });

  const hostile = fc
    .array(
      fc.oneof(
        fc.constantFrom(...SECRETS.map(([text]) => text)),
        fc.constantFrom("://", "@", ":", "=", "&", '"', ".", "eyJ", "stw_", "token=", "***"),
        fc.constantFrom("Bearer ", "basic ", "secret", '":"', " ", "\n", "/", "+", "IQoJ"),
        fc.string({ unit: "binary", maxLength: 12 }),
      ),
      { maxLength: 14 },
    )
    .map((parts) => parts.join(""));

  it("settles where one secret hides another", () => {
    expect(redact(`x://u:${AWS_SECRET}@h`)).toBe("x://***@h");
  });

  it("is total and idempotent", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const once = redact(text);
        expect(redact(once)).toBe(once);
      }),
      { numRuns: 5000 },
    );
  });

  it("hides a key, a JWT or an address wherever it stands", () => {
    // Not among the hostile parts, which may glue two secrets into something that is neither.
    const known = fc.constantFrom<[string, string]>(
      [KEY.replace("n4bQ", "4mark"), "4mark"],
      [SIGNED.replace("0a1b", "4mark"), "4mark"],
      [JWT.replace("c2ln", "4mark"), "4mark"],
    );
    fc.assert(
      fc.property(hostile, known, hostile, (before, [text, secret], after) => {
        expect(redact(`${before} ${text} ${after}`)).not.toContain(secret);
      }),
      { numRuns: 2000 },
    );
  });

  it("takes no more than its share of time for text made to be slow", () => {
    for (const unit of [
      "eyJ",
      "eyJaaaaa.",
      "://",
      "://a",
      "stw_a_",
      "stw_",
      "Bearer ",
      "token=",
      "a/",
    ]) {
      expect(redact(unit.repeat(3000)).length).toBeGreaterThan(0);
    }
    expect(redact("-----BEGIN PRIVATE KEY-----".repeat(500))).toBe("***");
  });
});

describe("redactField()", () => {
  it("hides text under a name that says so, and nothing else", () => {
    for (const name of ["Authorization", "set-cookie", "apiKey", "clientSecret", "token"]) {
      expect(redactField(name, "x")).toBe("***");
    }
    expect(redactField("tenant", "acme")).toBe("acme");
    expect(redactField("token", "")).toBe("");
  });
});
