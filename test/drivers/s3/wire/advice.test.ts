import { expect, it } from "vitest";
import { type Attempt, AttemptError } from "../../../../drivers/s3/wire/failure.ts";
import { networkFailure } from "../../../../drivers/s3/wire/network-failures.ts";
import { errorFailure } from "../../../../drivers/s3/wire/response-failures.ts";

const ADDRESSING = { origin: "https://s3.example", region: "auto", hostIsFromRegion: false };

function attemptOf(action: string, more: Partial<Attempt> = {}): Attempt {
  const request = { action, method: "GET", headers: {} };
  const place = { bucket: "files", prefix: "uploads/", env: undefined };
  return { request, addressing: ADDRESSING, number: 1, ...place, ...more } as never as Attempt;
}

/** The error of a request that the server refused. */
function refused(s3Code: string, attempt = attemptOf("GetObject"), status = 400): AttemptError {
  const response = { status, headers: new Headers() };
  return new AttemptError(errorFailure(null, s3Code, response, attempt), attempt);
}

/** The error of a request without a response. `fetch` wraps what went wrong, once or twice. */
function unanswered(code: string): AttemptError {
  const inner = Object.assign(new Error("inner"), { code });
  const failure = networkFailure(new TypeError("fetch failed", { cause: inner }), ADDRESSING);
  return new AttemptError(failure, attemptOf("GetObject"));
}

it.each([
  ["ENOTFOUND", /no such host/, /AWS_ENDPOINT_URL_S3 or AWS_REGION/],
  ["EAI_AGAIN", /DNS does not respond/, /name servers/],
  ["ECONNREFUSED", /connection refused/, /start the server/],
  ["ERR_TLS_CERT_ALTNAME_INVALID", /for another host/, /AWS_S3_FORCE_PATH_STYLE=true/],
  ["ERR_SSL_WRONG_VERSION_NUMBER", /TLS handshake/, /http:\/\/ to https:\/\//],
  ["HPE_INVALID_CONSTANT", /does not speak HTTP/, /scheme and port/],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", /not trusted/, /NODE_EXTRA_CA_CERTS/],
  ["CERT_HAS_EXPIRED", /has expired/, /renew the certificate/],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", /not trusted/, /NODE_EXTRA_CA_CERTS/],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", /not trusted/, /NODE_EXTRA_CA_CERTS/],
  ["ETIMEDOUT", /no connection in time/, /HTTPS_PROXY/],
  ["ECONNRESET", /the connection broke/, /HTTPS_PROXY/],
])("says what to do about the network's %s", (code, message, advice) => {
  const error = unanswered(code);
  expect(error.message).toMatch(message);
  expect(error.advice).toMatch(advice);
});

it.each([
  ["NoSuchBucket", /the bucket does not exist/, /AWS_S3_BUCKET/],
  ["InvalidAccessKeyId", /does not know the key id/, /AWS_ACCESS_KEY_ID/],
  ["RequestTimeTooSkewed", /clock and the server's differ/, /set the clock/],
  ["IllegalLocationConstraintException", /in another region/, /AWS_REGION/],
  ["KMS.NotFoundException", /the KMS key cannot be used/, /AWS_S3_SSE_KMS_KEY_ID/],
  ["InvalidStorageClass", /does not support a requested option/, /AWS_S3_STORAGE_CLASS/],
  ["BadRequest", /gives no reason/, /AWS_ENDPOINT_URL_S3/],
])("says what to do about S3's %s", (s3Code, message, advice) => {
  const error = refused(s3Code);
  expect(error.message).toMatch(message);
  expect(error.advice).toMatch(advice);
  expect(error.message).not.toContain(error.advice);
});

it("gives an unknown code the meaning of its status, and no advice", () => {
  const error = refused("Status418", undefined, 418);
  expect(error).toMatchObject({ code: "storage_unavailable", advice: undefined });
});

const KMS = { "x-amz-server-side-encryption": "aws:kms" };

it.each([
  ["UploadPart", {}, /^allow s3:PutObject on arn:aws:s3:::files\/uploads\/\* in the policy [^;]*$/],
  ["PutObject", {}, /^allow s3:PutObject on .*; if the bucket demands encryption, set AWS_S3_SSE=/],
  [
    "PutObject",
    KMS,
    /^allow s3:PutObject on .*; with a KMS key also allow kms:GenerateDataKey and kms/,
  ],
  ["GetObject", {}, /^allow s3:GetObject on .*; allow s3:ListBucket on arn:aws:s3:::files too/],
  ["HeadBucket", {}, /^allow s3:ListBucket on arn:aws:s3:::files in/],
  ["DeleteObjects", {}, /^allow s3:DeleteObject on arn:aws:s3:::files\/uploads\/\* in/],
  ["SomethingNew", {}, /^allow the permission for SomethingNew on arn:aws:s3:::files in/],
])("names what the policy lacks for %s", (action, headers, advice) => {
  const request = { action, method: "PUT", headers } as const;
  const error = refused("AccessDenied", attemptOf(action, { request }), 403);
  expect(error).toMatchObject({ code: "storage_access_denied" });
  expect(error.advice).toMatch(advice);
});

it("names the whole bucket if there is no prefix", () => {
  const attempt = attemptOf("DeleteObject", { prefix: "" });
  expect(refused("AccessDenied", attempt, 403).advice).toContain("arn:aws:s3:::files/* ");
});

it("names the variables that the storage reads", () => {
  const { advice } = refused("NoSuchBucket", attemptOf("GetObject", { env: "ARCHIVE" }));
  expect(advice).toMatch(/ARCHIVE_AWS_S3_BUCKET; .*, ARCHIVE_AWS_ENDPOINT_URL_S3/);
});
