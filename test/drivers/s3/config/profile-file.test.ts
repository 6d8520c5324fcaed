import fc from "fast-check";
import { expect, test } from "vitest";
import { parseProfiles } from "../../../../drivers/s3/config/profile-file.ts";

function toObject(text: string, kind: "credentials" | "config"): unknown {
  return Object.fromEntries(
    [...parseProfiles(text, kind)].map(([name, profile]) => [name, Object.fromEntries(profile)]),
  );
}

test("parseProfiles() reads what the AWS tools write and people add", () => {
  const text = [
    "\uFEFF# first",
    "; second",
    "stray = 1",
    "[default]",
    "aws_access_key_id=AKIA/+=x",
    "  aws_secret_access_key = nested",
    "AWS_SECRET_ACCESS_KEY = a#b;c=  ; a comment",
    "no equals sign",
    "[ profile  two words ] # comment",
    "region\t=\teu-west-1",
    's3 =\r\n  addressing_style = path\r\n[profile "three"]',
    "region = x",
    "[sso-session s]",
    "region = y",
    "[other]",
    "region = z",
    "[default]",
    "region = again",
  ].join("\n");
  expect(toObject(text, "config")).toEqual({
    default: {
      aws_access_key_id: "AKIA/+=x",
      aws_secret_access_key: "a#b;c=",
      region: "again",
    },
    "two words": { region: "eu-west-1", s3: "", "s3.addressing_style": "path" },
    three: { region: "x" },
  });
  expect(toObject(text, "credentials")).toHaveProperty("other", { region: "z" });
});

test("parseProfiles() takes any text", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...'[]profile =#;\n\r\t"a\u{1F600}') }),
      (text) => {
        parseProfiles(text, "config");
        parseProfiles(text, "credentials");
      },
    ),
  );
});
