import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { answerTo, ask, open, type RawRequest, send, sign } from "../raw-request.ts";
import { type StrictS3, startStrictS3 } from "../strict-server.ts";

let server: StrictS3;
beforeAll(async () => {
  server = await startStrictS3();
  await server.makeBucket("bucket");
  await server.makeBucket("other");
});
afterAll(() => server.stop());

const PUT = { method: "PUT", path: "/bucket/key", headers: { "x-amz-meta-a": "1" }, body: "body" };
const minutes = (n: number) => new Date(Date.now() + n * 60_000);
const withHeaders = (raw: RawRequest, headers: Record<string, string>) => ({
  ...raw,
  headers: { ...raw.headers, ...headers },
});
const without = (raw: RawRequest, name: string) => ({
  ...raw,
  headers: Object.fromEntries(Object.entries(raw.headers).filter(([key]) => key !== name)),
});

test("a signed request is served, and echoes what it stored", async () => {
  const put = await ask(server, PUT);
  expect(put).toMatchObject({ status: 200, text: "" });
  expect(put.headers).toMatchObject({
    etag: `"${createHash("md5").update("body").digest("hex")}"`,
    date: expect.stringMatching(/ GMT$/),
    "x-amz-request-id": expect.any(String),
  });
  const get = await ask(server, { path: "/bucket/key" });
  expect(get).toMatchObject({ status: 200, text: "body", headers: { "x-amz-meta-a": "1" } });
});

test("reads repeated headers as one, with spaces in a row as one", async () => {
  const headers = { "x-amz-meta-a": "1,2  3" };
  const sent = open(server, await sign(server, { ...PUT, headers, body: "" }));
  sent.setHeader("x-amz-meta-a", ["1", "2  3"]).setHeader("content-length", "0");
  const answered = answerTo(sent);
  sent.end();
  expect((await answered).statusCode).toBe(200);
});

const TAMPERED: readonly [string, number, string, (raw: RawRequest) => RawRequest][] = [
  ["path", 403, "SignatureDoesNotMatch", (raw) => ({ ...raw, target: "/bucket/yek" })],
  ["bucket", 403, "SignatureDoesNotMatch", (raw) => ({ ...raw, target: "/other/key" })],
  ["query", 403, "SignatureDoesNotMatch", (raw) => ({ ...raw, target: `${raw.target}?a=b` })],
  ["plus sign in the query", 400, "InvalidURI", (raw) => ({ ...raw, target: "/bucket?a=b+c" })],
  ["method", 403, "SignatureDoesNotMatch", (raw) => ({ ...raw, method: "POST" })],
  ["host", 403, "SignatureDoesNotMatch", (raw) => withHeaders(raw, { host: "elsewhere" })],
  [
    "signed header",
    403,
    "SignatureDoesNotMatch",
    (raw) => withHeaders(raw, { "x-amz-meta-a": "2" }),
  ],
  ["removed header", 403, "AccessDenied", (raw) => without(raw, "x-amz-meta-a")],
  ["added x-amz header", 403, "AccessDenied", (raw) => withHeaders(raw, { "x-amz-meta-b": "2" })],
  ["removed date", 403, "AccessDenied", (raw) => without(raw, "x-amz-date")],
  ["body", 400, "XAmzContentSHA256Mismatch", (raw) => ({ ...raw, body: Buffer.from("Body") })],
  ["removed hash", 400, "InvalidRequest", (raw) => without(raw, "x-amz-content-sha256")],
  ["no signature", 403, "AccessDenied", (raw) => without(raw, "authorization")],
  [
    "garbage for a signature",
    400,
    "AuthorizationHeaderMalformed",
    (raw) => withHeaders(raw, { authorization: "AWS4-HMAC-SHA256 hello" }),
  ],
  [
    "another day in the scope",
    400,
    "AuthorizationHeaderMalformed",
    (raw) =>
      withHeaders(raw, {
        authorization: (raw.headers["authorization"] ?? "").replace(/\/\d{8}\//, "/19700101/"),
      }),
  ],
];

test.each(TAMPERED)("refuses a tampered %s", async (_, status, code, tamper) => {
  const before = server.objects("bucket").length;
  const answer = await send(server, tamper(await sign(server, { ...PUT, path: "/bucket/key" })));
  expect(answer).toMatchObject({ status, code });
  expect(server.objects("bucket")).toHaveLength(before);
  expect(server.objects("other")).toHaveLength(0);
});

const SIGNED_WRONGLY: readonly [string, number, string, Parameters<typeof sign>[2]][] = [
  ["16 minutes ago", 403, "RequestTimeTooSkewed", { at: minutes(-16) }],
  ["16 minutes ahead", 403, "RequestTimeTooSkewed", { at: minutes(16) }],
  ["with another secret", 403, "SignatureDoesNotMatch", { secretAccessKey: "wrong" }],
  ["with an unknown key", 403, "InvalidAccessKeyId", { accessKeyId: "NOBODY" }],
  ["for another region", 400, "AuthorizationHeaderMalformed", { region: "us-west-2" }],
  ["for another service", 400, "AuthorizationHeaderMalformed", { service: "sts" }],
  ["with a token no one issued", 400, "InvalidToken", { sessionToken: "made up" }],
];

test.each(SIGNED_WRONGLY)("refuses what was signed %s", async (_, status, code, options) => {
  expect(await ask(server, { path: "/bucket" }, options)).toMatchObject({ status, code });
});

test("takes clocks that are 14 minutes off", async () => {
  for (const at of [minutes(-14), minutes(14)]) {
    expect(await ask(server, PUT, { at })).toMatchObject({ status: 200 });
  }
});

test("judges by its own clock, and reports it", async () => {
  const other = await startStrictS3();
  await other.makeBucket("bucket");
  other.clockOffsetMs = 20 * 60_000;
  const refused = await ask(other, { path: "/bucket/key" });
  expect(refused).toMatchObject({ status: 403, code: "RequestTimeTooSkewed" });
  const at = new Date(refused.headers.date ?? "");
  expect((await ask(other, PUT, { at })).status).toBe(200);
  await other.stop();
});

test("reports the right region: in the body, or in a header of a redirect", async () => {
  const answer = await ask(server, { path: "/bucket" }, { region: "us-west-2" });
  expect(answer.text).toContain("<Region>eu-central-1</Region>");
  const head = { method: "HEAD", path: "/bucket" };
  const bare = await ask(server, head, { region: "us-west-2" });
  expect(bare).toMatchObject({ status: 400, text: "" });
  expect(bare.headers["x-amz-bucket-region"]).toBe("eu-central-1");
  const other = await startStrictS3({ wrongRegion: "PermanentRedirect", region: "eu-west-3" });
  const redirect = await ask(other, head, { region: "us-west-2" });
  expect(redirect).toMatchObject({ status: 301, text: "" });
  expect(redirect.headers["x-amz-bucket-region"]).toBe("eu-west-3");
  await other.stop();
});

test("knows temporary key pairs until they expire", async () => {
  const other = await startStrictS3({ sessionToken: "token" });
  const { accessKeyId, secretAccessKey } = other;
  await other.makeBucket("bucket");
  const list = { path: "/bucket", query: "list-type=2" };
  expect((await ask(other, list, { sessionToken: "token" })).status).toBe(200);
  expect((await ask(other, list)).code).toBe("InvalidAccessKeyId");
  expect((await ask(other, list, { sessionToken: "other" })).code).toBe("InvalidToken");
  other.addKey({ accessKeyId, secretAccessKey, sessionToken: "token", expiresAt: Date.now() });
  const expired = await ask(other, list, { sessionToken: "token" });
  expect(expired).toMatchObject({ status: 400, code: "ExpiredToken" });
  await other.stop();
});

const LINK = { path: "/bucket/link", query: "response-content-type=text%2Fplain" };

test("serves signed links, and nothing else by them", async () => {
  await ask(server, { ...PUT, path: "/bucket/link" });
  const link = await sign(server, LINK, { expiresSeconds: 60 });
  const answer = await send(server, link);
  expect(answer).toMatchObject({ status: 200, text: "body" });
  expect(answer.headers["content-type"]).toBe("text/plain");
  const replace = (from: string | RegExp, to: string) =>
    send(server, { ...link, target: link.target.replace(from, to) });
  expect((await replace("plain", "html")).code).toBe("SignatureDoesNotMatch");
  expect((await replace("Expires=60", "Expires=61")).code).toBe("SignatureDoesNotMatch");
  expect((await replace("/bucket/link", "/bucket/key")).code).toBe("SignatureDoesNotMatch");
  expect((await send(server, { ...link, method: "DELETE" })).code).toBe("SignatureDoesNotMatch");
});

test("refuses links that have expired, or would live too long", async () => {
  const expired = { at: minutes(-2), expiresSeconds: 60 };
  expect(await ask(server, LINK, expired)).toMatchObject({ status: 403, code: "AccessDenied" });
  const eternal = await ask(server, LINK, { expiresSeconds: 8 * 86_400 });
  expect(eternal).toMatchObject({ status: 400, code: "AuthorizationQueryParametersError" });
});

const PAYLOADS: readonly [string, number, string | undefined, Record<string, string>][] = [
  ["a right Content-MD5", 200, undefined, { "content-md5": "hBotaJrYa9FhFEdFPCLG/A==" }],
  ["a wrong Content-MD5", 400, "BadDigest", { "content-md5": "1B2M2Y8AsgTpgAmY7PhCfg==" }],
  ["a malformed Content-MD5", 400, "InvalidDigest", { "content-md5": "abc" }],
  ["a right checksum", 200, undefined, { "x-amz-checksum-crc32": "26gLsg==" }],
  ["a wrong checksum", 400, "BadDigest", { "x-amz-checksum-crc32": "AAAAAA==" }],
  ["an unsigned body", 400, "InvalidRequest", { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" }],
  ["an odd hash", 400, "InvalidArgument", { "x-amz-content-sha256": "abc" }],
];

test.each(PAYLOADS)("answers a put with %s: %i", async (_, status, code, headers) => {
  const answer = await ask(server, { ...PUT, headers });
  expect(answer).toMatchObject({ status, code });
});

test("takes unsigned bodies where it is set to", async () => {
  const other = await startStrictS3({ allowUnsignedPayload: true });
  await other.makeBucket("bucket");
  const headers = { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" };
  expect(await ask(other, { ...PUT, headers })).toMatchObject({ status: 200 });
  await other.stop();
});

test.each([
  ["PUT", "/bucket/key", ""],
  ["POST", "/bucket", "delete="],
])("wants a length: 411 to a chunked %s", async (method, path, query) => {
  const raw = await sign(server, { method, path, query, body: "body" });
  const sent = open(server, withHeaders(raw, { "transfer-encoding": "chunked" }));
  const answered = answerTo(sent);
  sent.end("body");
  expect((await answered).statusCode).toBe(411);
});

test("stores nothing of a body that ends early", async () => {
  const raw = await sign(server, { ...PUT, path: "/bucket/early" });
  const sent = open(server, withHeaders(raw, { "content-length": "4" }));
  sent.on("error", () => undefined);
  sent.write("bo", () => sent.destroy());
  await new Promise((resolve) => sent.once("close", resolve));
  await server.idle();
  expect(server.objects("bucket").map(({ key }) => key)).not.toContain("early");
});

test("lets a client wait for 100 Continue, and refuses before the body comes", async () => {
  const refused = withHeaders(await sign(server, { ...PUT, path: "/nowhere/key" }), {
    "content-length": "4",
    expect: "100-continue",
  });
  const sent = open(server, refused);
  const answered = answerTo(sent);
  sent.flushHeaders();
  expect((await answered).statusCode).toBe(404);
  sent.destroy();

  const welcome = await sign(server, PUT);
  const patient = open(server, withHeaders(welcome, { ...refused.headers, ...welcome.headers }));
  const stored = answerTo(patient);
  patient.once("continue", () => patient.end("body"));
  patient.flushHeaders();
  expect((await stored).statusCode).toBe(200);
});
