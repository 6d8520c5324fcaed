import { describe, expect, it } from "vitest";
import { toFinding } from "../../../src/cli/doctor/to-finding.ts";
import { StowageError } from "../../../src/domain/errors.ts";
import { parseStorageUri } from "../../../src/domain/storage-uri.ts";

const uri = parseStorageUri("s3://files/uploads?sse=aws:kms");

/** As fetch fails: what went wrong is wrapped, once or twice. */
function unanswered(code: string): StowageError {
  const inner = Object.assign(new Error("inner"), { code });
  const cause = new TypeError("fetch failed", { cause: inner });
  return new StowageError("storage_unavailable", "Cannot GetObject", {
    cause,
    data: { action: "GetObject", s3Code: null, status: null },
  });
}

function refused(s3Code: string, action = "GetObject", denied = false): StowageError {
  const code = denied ? "storage_access_denied" : "storage_misconfigured";
  return new StowageError(code, `Cannot ${action}`, { data: { action, s3Code, status: 400 } });
}

describe("toFinding()", () => {
  it.each([
    ["ENOTFOUND", "the server's name is not known to DNS"],
    ["EAI_AGAIN", "the server's name is not known to DNS"],
    ["ECONNREFUSED", "nothing listens at the server's address"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "the certificate is for another host name"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "one side speaks TLS and the other does not"],
    ["HPE_INVALID_CONSTANT", "one side speaks TLS and the other does not"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "the certificate of the server is not trusted"],
    ["CERT_HAS_EXPIRED", "the certificate of the server is not trusted"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "the certificate of the server is not trusted"],
    ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "the certificate of the server is not trusted"],
    ["ETIMEDOUT", "the server does not answer"],
    ["ECONNRESET", "the server does not answer"],
  ])("knows what the network means by %s", (code, text) => {
    const finding = toFinding({ error: unanswered(code), uri });
    expect(finding).toMatchObject({ status: "fail", text, detail: "Cannot GetObject" });
    expect(finding.advice).toMatch(/\w/);
  });

  it.each([
    ["NoSuchBucket", "the bucket does not exist"],
    ["InvalidAccessKeyId", "the server does not know the key id"],
    ["RequestTimeTooSkewed", "this machine's clock and the server's differ"],
    ["IllegalLocationConstraintException", "the bucket is in another region"],
    ["KMS.NotFoundException", "the KMS key cannot be used"],
    ["InvalidStorageClass", "the server does not support a requested option"],
    ["BadRequest", "the server is not an S3 server"],
    ["Status418", "the server is not an S3 server"],
  ])("knows what S3 means by %s", (s3Code, text) => {
    expect(toFinding({ error: refused(s3Code), uri, step: "write" })).toMatchObject({
      text: `write: ${text}`,
    });
  });

  it.each([
    ["UploadPart", "allow s3:PutObject on arn:aws:s3:::files/uploads/*"],
    ["PutObject", /^allow s3:PutObject on .*; with a KMS key also kms:GenerateDataKey and kms:Dec/],
    ["HeadBucket", "allow s3:ListBucket on arn:aws:s3:::files"],
    ["DeleteObjects", "allow s3:DeleteObject on arn:aws:s3:::files/uploads/*"],
    ["SomethingNew", /^allow it in the policy of these keys/],
  ])("names what the policy lacks for %s", (action, advice) => {
    const { advice: given } = toFinding({ error: refused("AccessDenied", action, true), uri });
    if (typeof advice === "string") expect(given).toBe(advice);
    else expect(given).toMatch(advice);
  });

  it("leaves the words of other drivers, and of what was thrown without any, alone", () => {
    const local = parseStorageUri("local:./x");
    expect(toFinding({ error: refused("AccessDenied"), uri: local })).toEqual({
      status: "fail",
      text: "Cannot GetObject",
    });
    expect(toFinding({ error: "plain text", uri })).toEqual({ status: "fail", text: "plain text" });
  });

  it("tells the causes of what no table knows, and what may help with a driver of others", () => {
    const redis = parseStorageUri("unstorage:redis?url=redis://localhost:6379");
    const cause = new TypeError("fetch failed", { cause: new Error("connect\n  ECONNREFUSED") });
    const error = new StowageError("storage_unavailable", "Cannot use it: it failed", { cause });
    const text = "write: Cannot use it: it failed (fetch failed: connect ECONNREFUSED)";
    expect(toFinding({ error, uri: redis, step: "write" })).toEqual({
      ...{ status: "fail", text, advice: expect.stringMatching(/is up and reachable/) },
    });
    const local = parseStorageUri("local:./x");
    expect(toFinding({ error, uri: local, step: "write" })).toEqual({ status: "fail", text });
  });

  it.each([
    "unstorage:redis?url=redis://:hunter2@localhost:6379",
    "unstorage:redis?url=redis://default:hunter2@localhost:6379&password=hunter2",
    "acme://default:hunter2@bucket/prefix",
    "acme:prefix?apiKey=hunter2",
  ])("hides in causes what %s holds of secrets", (text) => {
    const cause = new Error(`refused "hunter2" of redis://default:hunter2@localhost, in prefix`);
    const error = new StowageError("storage_misconfigured", "Cannot open it", { cause });
    const told = toFinding({ error, uri: parseStorageUri(text) });
    const shown = 'Cannot open it (refused "***" of redis://***@localhost, in prefix)';
    expect(told).toEqual({ status: "fail", text: shown });
  });

  it("names the whole bucket where there is no prefix", () => {
    const whole = parseStorageUri("s3://files");
    const error = refused("AccessDenied", "DeleteObject", true);
    expect(toFinding({ error, uri: whole }).advice).toContain("arn:aws:s3:::files/*");
  });
});
