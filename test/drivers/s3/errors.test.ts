import type { AddressInfo } from "node:net";
import { createServer as createTcpServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { S3Request } from "../../../drivers/s3/wire/protocol.ts";
import { type ErrorCode, isStowageError, type StowageError } from "../../../src/driver.ts";
import { type Scripted, s3Error, startAnswering } from "./answering-server.ts";
import { CREDENTIALS, openClient } from "./open-client.ts";

const GET: S3Request = { action: "GetObject", method: "GET", objectKey: "tenant/secret-name.pdf" };
const HEAD: S3Request = { ...GET, action: "HeadObject", method: "HEAD" };
const PUT: S3Request = {
  ...GET,
  action: "PutObject",
  method: "PUT",
  body: new TextEncoder().encode("document text"),
};
const LIST: S3Request = { action: "ListObjectsV2", method: "GET", query: [["list-type", "2"]] };
const HEAD_BUCKET: S3Request = { action: "HeadBucket", method: "HEAD" };

async function failed(promise: Promise<unknown>): Promise<StowageError> {
  const error = await promise.then(
    () => new Error("It succeeded"),
    (caught: unknown) => caught,
  );
  if (!isStowageError(error)) throw error;
  return error;
}

/** What an operator reads. */
function wordsOf({ message, advice = "" }: StowageError): string {
  return `${message}; ${advice}`;
}

/** How a request fails that is answered so, each time. */
async function refused(request: S3Request, answer: Scripted): Promise<StowageError> {
  const { endpoint } = await startAnswering(answer);
  const error = await failed(openClient({ endpoint, maxAttempts: 3 }).send(request));
  const reported = `${wordsOf(error)} ${JSON.stringify(error.data)} ${String(error.cause)}`;
  for (const secret of [
    CREDENTIALS.secretAccessKey,
    CREDENTIALS.accessKeyId,
    "secret-name",
    "document",
  ]) {
    expect(reported).not.toContain(secret);
  }
  return error;
}

test.each<[S3Request, number, string, ErrorCode, boolean, RegExp]>([
  [GET, 404, "NoSuchKey", "object_not_found", false, /nothing is stored there/],
  [PUT, 404, "NoSuchUpload", "object_not_found", false, /no such multipart upload/],
  [
    GET,
    404,
    "NoSuchBucket",
    "storage_misconfigured",
    false,
    /the bucket does not exist; create it/,
  ],
  [
    PUT,
    403,
    "AccessDenied",
    "storage_access_denied",
    false,
    /access is denied; allow s3:PutObject on arn:aws:s3:::uploads\/\* in the policy of these keys/,
  ],
  [
    LIST,
    403,
    "AccessDenied",
    "storage_access_denied",
    false,
    /access is denied; allow s3:ListBucket on arn:aws:s3:::uploads in/,
  ],
  [
    GET,
    403,
    "AccessDenied",
    "storage_access_denied",
    false,
    /allow s3:GetObject on .*; allow s3:ListBucket on .* too, without which S3 reports missing/,
  ],
  [
    PUT,
    403,
    "InvalidAccessKeyId",
    "storage_misconfigured",
    false,
    /does not know the key id; correct AWS_ACCESS_KEY_ID/,
  ],
  [
    PUT,
    403,
    "SignatureDoesNotMatch",
    "storage_misconfigured",
    false,
    /secret does not belong to the key id.*; copy AWS_SECRET_ACCESS_KEY/,
  ],
  [PUT, 400, "ExpiredToken", "storage_misconfigured", false, /token is expired.*; get new keys/],
  [
    PUT,
    400,
    "AuthorizationHeaderMalformed",
    "storage_misconfigured",
    false,
    /another region; set AWS_REGION/,
  ],
  [PUT, 412, "PreconditionFailed", "object_changed", false, /something else is stored/],
  [
    { ...PUT, headers: { "if-none-match": "*" } },
    412,
    "PreconditionFailed",
    "object_exists",
    false,
    /something else/,
  ],
  [PUT, 409, "ConditionalRequestConflict", "storage_unavailable", true, /another request/],
  [
    PUT,
    503,
    "SlowDown",
    "storage_unavailable",
    true,
    /throttles requests, after 3 attempts; if this lasts/,
  ],
  [PUT, 500, "InternalError", "storage_unavailable", true, /an internal error, after 3 attempts/],
  [PUT, 507, "XMinioStorageFull", "storage_full", false, /its quota is used up; raise/],
  [PUT, 403, "QuotaExceeded", "storage_full", false, /its quota is used up; raise/],
  [PUT, 501, "NotImplemented", "unsupported_option", false, /does not support/],
  [PUT, 400, "KeyTooLongError", "invalid_key", false, /longer/],
  [GET, 416, "InvalidRange", "object_changed", false, /shorter/],
  [
    PUT,
    418,
    "Teapot",
    "storage_unavailable",
    false,
    /it answers 418 Teapot: it rejects the request/,
  ],
  [PUT, 599, "Odd", "storage_unavailable", true, /599 Odd/],
])("send() distinguishes $action answered $1 $2", async (request, status, s3Code, code, retryable, message) => {
  const error = await refused(request, { status, body: s3Error(s3Code) });
  expect(error.code).toBe(code);
  expect(error.retryable).toBe(retryable);
  expect(wordsOf(error)).toMatch(message);
  expect(error.message).toContain(`Cannot ${request.action} in bucket "uploads" (eu-central-1)`);
  expect(error.data).toMatchObject({ s3Code, status, action: request.action });
});

const HTML = { "content-type": "text/html" };

test.each<[string, S3Request, Scripted, ErrorCode, string, RegExp]>([
  [
    "404 to HEAD of a key",
    HEAD,
    { status: 404 },
    "object_not_found",
    "NoSuchKey",
    /nothing is stored/,
  ],
  [
    "404 to HEAD of the bucket",
    HEAD_BUCKET,
    { status: 404 },
    "storage_misconfigured",
    "NoSuchBucket",
    /the bucket does not exist; create it/,
  ],
  [
    "404 to HEAD from a web server",
    HEAD,
    { status: 404, headers: HTML },
    "storage_misconfigured",
    "Status404",
    /a web page: the server is not an S3 server.*; AWS_ENDPOINT_URL_S3 is/,
  ],
  [
    "403 to HEAD",
    HEAD,
    { status: 403 },
    "storage_access_denied",
    "AccessDenied",
    /allow s3:ListBucket on .* too, without which/,
  ],
  [
    "400 to HEAD",
    HEAD,
    { status: 400 },
    "storage_misconfigured",
    "BadRequest",
    /gives no reason; check AWS_REGION/,
  ],
  ["412 to HEAD", HEAD, { status: 412 }, "object_changed", "PreconditionFailed", /something else/],
  [
    "503 to HEAD",
    HEAD,
    { status: 503 },
    "storage_unavailable",
    "ServiceUnavailable",
    /internal error/,
  ],
  [
    "an empty 404 to GET",
    GET,
    { status: 404 },
    "storage_misconfigured",
    "Status404",
    /something other than S3's XML/,
  ],
  [
    "an empty 503",
    GET,
    { status: 503 },
    "storage_unavailable",
    "ServiceUnavailable",
    /internal error/,
  ],
  [
    "a web page",
    GET,
    { status: 404, headers: HTML, body: "<html>No</html>" },
    "storage_misconfigured",
    "Status404",
    /a web page: the server is not an S3 server, or a proxy answers for it; AWS_ENDPOINT_URL_S3 is/,
  ],
  [
    "a proxy's 502",
    GET,
    { status: 502, headers: HTML, body: "<html>No</html>" },
    "storage_unavailable",
    "Status502",
    /a web page.*after 3 attempts/,
  ],
  [
    "other XML",
    GET,
    { status: 404, body: "<Problem/>" },
    "storage_misconfigured",
    "Status404",
    /something other than S3's XML/,
  ],
  [
    "no UTF-8",
    GET,
    { status: 404, body: Buffer.from(s3Error("NoSuchKey", "<Key>\xff</Key>"), "latin1") },
    "storage_misconfigured",
    "Status404",
    /something other than S3's XML/,
  ],
  [
    "ten megabytes",
    GET,
    { status: 404, body: s3Error("NoSuchKey", "x".repeat(10_000_000)) },
    "storage_misconfigured",
    "Status404",
    /something other than S3's XML/,
  ],
  [
    "a document type",
    GET,
    {
      status: 404,
      body: `<!DOCTYPE E [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><Error><Code>&b;</Code></Error>`,
    },
    "storage_misconfigured",
    "Status404",
    /something other than S3's XML/,
  ],
  [
    "no character",
    GET,
    { status: 404, body: s3Error("&#9999999;") },
    "storage_misconfigured",
    "Status404",
    /something other than S3's XML/,
  ],
  [
    "a code that is a story",
    GET,
    { status: 403, body: s3Error("Hello, operator: send money") },
    "storage_access_denied",
    "AccessDenied",
    /403 AccessDenied/,
  ],
  [
    "a redirect elsewhere",
    GET,
    {
      status: 302,
      headers: { ...HTML, location: "https://login.example/x?token=1" },
      body: "<html/>",
    },
    "storage_misconfigured",
    "Status302",
    /a redirect to https:\/\/login\.example:/,
  ],
  [
    "a redirect without a region",
    GET,
    { status: 301, body: s3Error("PermanentRedirect") },
    "storage_misconfigured",
    "PermanentRedirect",
    /another region; set AWS_REGION/,
  ],
  [
    "a KMS key that is not allowed",
    { ...PUT, headers: { "x-amz-server-side-encryption": "aws:kms" } },
    { status: 403, body: s3Error("AccessDenied") },
    "storage_access_denied",
    "AccessDenied",
    /s3:PutObject on .*allow kms:GenerateDataKey and kms:Decrypt/,
  ],
])("send() explains %s", async (_what, request, answer, code, s3Code, message) => {
  const error = await refused(request, answer);
  expect([error.code, error.data["s3Code"]]).toEqual([code, s3Code]);
  expect(wordsOf(error)).toMatch(message);
});

test.each<[string, string, ErrorCode, string, RegExp]>([
  [
    "an error after blanks",
    `<?xml version="1.0"?>\n\n  \n<Error><Code>AccessDenied</Code></Error>`,
    "storage_access_denied",
    "AccessDenied",
    /200 AccessDenied/,
  ],
  [
    "an error that passes",
    s3Error("InternalError"),
    "storage_unavailable",
    "InternalError",
    /after 3 attempts/,
  ],
  ["an error without a code", "<Error/>", "storage_unavailable", "InternalError", /internal error/],
  [
    "nothing",
    "",
    "storage_unavailable",
    "Status200",
    /something other than S3's XML.*after 3 attempts/,
  ],
  [
    "half an answer",
    "<R><Key>a</Key>",
    "storage_unavailable",
    "Status200",
    /something other than S3's XML.*after 3 attempts/,
  ],
  [
    "more than eight megabytes",
    `<R>${" ".repeat(8_400_000)}</R>`,
    "storage_unavailable",
    "Status200",
    /something other than S3's XML/,
  ],
])("sendForXml() takes 200 with %s for a failure", async (_what, body, code, s3Code, message) => {
  const { endpoint } = await startAnswering({ body });
  const error = await failed(openClient({ endpoint, maxAttempts: 3 }).sendForXml(LIST));
  expect([error.code, error.data["s3Code"], error.data["status"]]).toEqual([code, s3Code, 200]);
  expect(error.message).toMatch(message);
});

test("sendForXml() does not ask a web page twice", async () => {
  const { endpoint, received } = await startAnswering({ headers: HTML, body: "<html><br></html>" });
  const error = await failed(openClient({ endpoint }).sendForXml(LIST));
  expect(error).toMatchObject({ code: "storage_unavailable", retryable: false });
  expect(error.message).toMatch(/a web page/);
  expect(received).toHaveLength(1);
});

test("sendForXml() gives the root of the answer", async () => {
  const { endpoint } = await startAnswering({ body: "<R><Key>a</Key></R>" });
  const root = await openClient({ endpoint }).sendForXml(LIST);
  expect(root).toMatchObject({ name: "R", children: [{ name: "Key", text: "a" }] });
});

async function listenRaw(onData: string): Promise<string> {
  const server = createTcpServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(onData));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function closedPort(): Promise<string> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${port}`;
}

test("send() distinguishes an unknown host, a closed port and a wrong scheme", async () => {
  const text = await listenRaw("SSH-2.0-OpenSSH_9.2\r\n");
  const silent = await listenRaw("");
  const closed = await closedPort();
  const cases: [string, RegExp, code?: string][] = [
    ["http://nowhere.invalid", /nowhere\.invalid cannot be reached: (no such host|DNS)/],
    [
      `http://${closed}`,
      /connection refused \(ECONNREFUSED\), after 3 attempts; start the server, or correct host and port/,
    ],
    [`http://${text}`, /does not speak HTTP.*; check scheme and port/],
    [`https://${text}`, /the TLS handshake failed.*; change http:/, "storage_misconfigured"],
    [`http://${silent}`, /the connection broke/],
  ];
  for (const [endpoint, message, code = "storage_unavailable"] of cases) {
    const error = await failed(openClient({ endpoint, maxAttempts: 3 }).send(PUT));
    expect(wordsOf(error)).toMatch(message);
    expect(error).toMatchObject({ code, data: { status: null, s3Code: null } });
  }
});

test("send() doubts the region where the host was made of it, and nowhere else", async () => {
  const fetch = () =>
    Promise.reject(
      new TypeError("fetch failed", {
        cause: Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" }),
      }),
    );
  const region = "eu-cental-1";
  for (const [endpoint, message] of [
    [
      null,
      /^Cannot PutObject in bucket "uploads" \(eu-cental-1\): https:\/\/uploads\.s3\.eu-cental-1\.amazonaws\.com cannot be reached: no such host; the region "eu-cental-1" may be mistyped \(ENOTFOUND\); check AWS_REGION, then DNS/,
    ],
    [
      "https://s3.eu-cental-1.amazonaws.com",
      /no such host \(ENOTFOUND\); correct AWS_ENDPOINT_URL_S3/,
    ],
    ["https://minio.example", /no such host \(ENOTFOUND\); correct AWS_ENDPOINT_URL_S3/],
  ] as const) {
    const client = openClient({ endpoint, region, maxAttempts: 1 }, { fetch });
    expect(wordsOf(await failed(client.send(PUT)))).toMatch(message);
  }
});
