import { expect, onTestFinished, test } from "vitest";
import type { Credentials, S3Request } from "../../../drivers/s3/wire/protocol.ts";
import { SILENT } from "../../../src/domain/ports/logger.ts";
import { isStowageError, type Logger } from "../../../src/driver.ts";
import { startStrictS3 } from "../../s3/strict-server.ts";
import { type Received, type Scripted, s3Error, startAnswering } from "./answering-server.ts";
import { CREDENTIALS, openClient } from "./open-client.ts";

const PUT: S3Request = {
  action: "PutObject",
  method: "PUT",
  objectKey: "a",
  body: new TextEncoder().encode("hello"),
};
const HEAD: S3Request = { action: "HeadObject", method: "HEAD", objectKey: "a" };

function scopeOf({ headers }: Pick<Received, "headers">): string | undefined {
  return /Credential=([^,]+),/.exec(headers.authorization ?? "")?.[1];
}

function regionsOf(received: readonly Received[]): (string | undefined)[] {
  return received.map((request) => scopeOf(request)?.split("/")[2]);
}

async function caught(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** A logger that keeps its lines. */
function keeper(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const keep = (event: string, fields?: object): void => {
    lines.push(`${event} ${JSON.stringify(fields)}`);
  };
  return { lines, logger: { ...SILENT, info: keep, warn: keep, debug: keep, error: keep } };
}

test.each<[string, S3Request, Scripted]>([
  [
    "301 with a body",
    PUT,
    {
      status: 301,
      body: s3Error("PermanentRedirect"),
      headers: { "x-amz-bucket-region": "us-west-2" },
    },
  ],
  ["301 to HEAD", HEAD, { status: 301, headers: { "x-amz-bucket-region": "us-west-2" } }],
  ["400 to HEAD", HEAD, { status: 400, headers: { "x-amz-bucket-region": "us-west-2" } }],
  [
    "307 with a location",
    PUT,
    {
      status: 307,
      headers: { location: "https://uploads.s3.us-west-2.amazonaws.com/a" },
      body: s3Error("TemporaryRedirect"),
    },
  ],
  [
    "400 that names the region",
    PUT,
    { status: 400, body: s3Error("AuthorizationHeaderMalformed", "<Region>us-west-2</Region>") },
  ],
])("send() signs for the region that %s reports, and remembers it", async (_what, request, answer) => {
  const { endpoint, received } = await startAnswering(answer, {});
  const { logger, lines } = keeper();
  const client = openClient({ endpoint, maxAttempts: 1 }, { logger });
  await client.send(request);
  await client.send(request);
  expect(regionsOf(received)).toEqual(["eu-central-1", "us-west-2", "us-west-2"]);
  expect(lines).toContainEqual(expect.stringMatching(/^s3\.region-learned .*"region":"us-west-2"/));
});

test("send() follows the region to another host of AWS's, and to no other host", async () => {
  const hosts: string[] = [];
  const answers = ["us-west-2", "evil.example/", "us-west-2.evil.example"];
  const fetch = async (url: unknown): Promise<Response> => {
    hosts.push(new URL(String(url)).host);
    const region = answers.shift();
    if (region === undefined) return new Response(null, { status: 200 });
    const location = `https://uploads.s3.${region}.evil.example/`;
    const headers = { "x-amz-bucket-region": region, location };
    return new Response(s3Error("PermanentRedirect", `<Endpoint>evil.example</Endpoint>`), {
      status: 301,
      headers,
    });
  };
  const context = { fetch: fetch as typeof globalThis.fetch };
  const client = openClient({ endpoint: null }, context);
  const error = await caught(client.send(PUT));
  expect(isStowageError(error, "storage_misconfigured")).toBe(true);
  expect(hosts).toEqual([
    "uploads.s3.eu-central-1.amazonaws.com",
    "uploads.s3.us-west-2.amazonaws.com",
  ]);
  expect(await caught(client.send(PUT))).toMatchObject({
    advice: expect.stringMatching(/^set AWS_REGION/),
  });
  await client.send(PUT);
  expect(hosts.slice(2)).toEqual(Array(2).fill("uploads.s3.us-west-2.amazonaws.com"));
});

test("send() asks fetch never to follow a redirect", async () => {
  const elsewhere = await startAnswering({});
  const { endpoint } = await startAnswering({
    status: 307,
    headers: { location: `${elsewhere.endpoint}/a` },
  });
  const error = await caught(openClient({ endpoint }).send(PUT));
  expect(isStowageError(error, "storage_misconfigured")).toBe(true);
  expect(elsewhere.received).toHaveLength(0);
});

test("send() ends a round trip between regions with what to check", async () => {
  const { endpoint, received } = await startAnswering((request) => {
    const region = scopeOf(request)?.includes("/us-west-2/") ? "eu-central-1" : "us-west-2";
    return {
      status: 301,
      headers: { "x-amz-bucket-region": region },
      body: s3Error("PermanentRedirect"),
    };
  });
  const error = await caught(openClient({ endpoint }).send(PUT));
  expect(isStowageError(error, "storage_misconfigured")).toBe(true);
  expect(String(error)).toMatch(/from region to region, last to eu-central-1/);
  expect(error).toMatchObject({
    advice: expect.stringMatching(/^check AWS_S3_BUCKET, AWS_REGION/),
  });
  expect(received).toHaveLength(2);
});

test("an attempt in another region is none of those that are counted", async () => {
  const moved = { status: 301, headers: { "x-amz-bucket-region": "us-west-2" } };
  const { endpoint, received } = await startAnswering(
    { ...moved, body: s3Error("PermanentRedirect") },
    { status: 503 },
    {},
  );
  await openClient({ endpoint, maxAttempts: 2 }).send(PUT);
  expect(received).toHaveLength(3);
});

test("send() takes the same region again for a refusal", async () => {
  const { endpoint, received } = await startAnswering({
    status: 301,
    headers: { "x-amz-bucket-region": "eu-central-1" },
    body: s3Error("PermanentRedirect"),
  });
  const error = await caught(openClient({ endpoint }).send(PUT));
  expect(isStowageError(error, "storage_misconfigured")).toBe(true);
  expect(received).toHaveLength(1);
});

test.each([
  ["PUT", PUT, s3Error("RequestTimeTooSkewed")],
  ["HEAD, which has no body to say so", HEAD, ""],
])("send() signs with the server's clock once it was refused for its own: %s", async (_what, request, body) => {
  const now = Date.UTC(2026, 0, 1);
  const skewed = {
    status: 403,
    headers: { date: new Date(now + 20 * 60_000).toUTCString() },
    body,
  };
  const { endpoint, received } = await startAnswering(skewed, {});
  const { logger, lines } = keeper();
  const client = openClient({ endpoint, maxAttempts: 1 }, { now: () => now, logger });
  await client.send(request);
  await client.send(request);
  expect(received.map(({ headers }) => headers["x-amz-date"])).toEqual([
    "20260101T000000Z",
    "20260101T002000Z",
    "20260101T002000Z",
  ]);
  expect(lines).toContain('s3.clock-learned {"bucket":"uploads","offsetMs":1200000}');
});

test("send() learns the clock once a call", async () => {
  let minutes = 0;
  const { endpoint, received } = await startAnswering(() => {
    minutes += 20;
    const date = new Date(Date.UTC(2026, 0, 1, 0, minutes)).toUTCString();
    return { status: 403, headers: { date }, body: s3Error("RequestTimeTooSkewed") };
  });
  const client = openClient({ endpoint }, { now: () => Date.UTC(2026, 0, 1) });
  const error = await caught(client.send(PUT));
  expect(isStowageError(error, "storage_misconfigured")).toBe(true);
  expect(error).toMatchObject({ advice: expect.stringMatching(/^set the clock of this machine/) });
  expect(received).toHaveLength(2);
});

test("send() learns nothing from a clock that agrees with ours", async () => {
  const { endpoint, received } = await startAnswering({
    status: 403,
    body: s3Error("RequestTimeTooSkewed"),
  });
  await caught(openClient({ endpoint }).send(PUT));
  expect(received).toHaveLength(1);
});

test.each([
  ["ExpiredToken", 400, PUT],
  ["InvalidAccessKeyId", 403, PUT],
  ["a bare 400", 400, HEAD],
  ["a bare 403", 403, HEAD],
])("send() asks for other credentials on %s", async (code, status, request) => {
  const { endpoint, received } = await startAnswering({ status, body: s3Error(code) }, {});
  const others = { ...CREDENTIALS, accessKeyId: "AKIDROTATED", sessionToken: "token" };
  const asked: (Credentials | undefined)[] = [];
  let current: Credentials = CREDENTIALS;
  const credentials = async (
    _signal?: AbortSignal,
    refused?: Credentials,
  ): Promise<Credentials> => {
    asked.push(refused);
    if (refused !== undefined) current = others;
    return current;
  };
  await openClient({ endpoint, credentials, maxAttempts: 1 }).send(request);
  expect(asked).toEqual([undefined, CREDENTIALS, undefined]);
  expect(received.map((one) => scopeOf(one)?.split("/")[0])).toEqual([
    "AKIDEXAMPLE",
    "AKIDROTATED",
  ]);
  expect(received[1]?.headers["x-amz-security-token"]).toBe("token");
});

test("send() gives up when the same credentials come again", async () => {
  const { endpoint, received } = await startAnswering({
    status: 400,
    body: s3Error("ExpiredToken"),
  });
  const credentials = async (): Promise<Credentials> => ({ ...CREDENTIALS });
  const error = await caught(openClient({ endpoint, credentials }).send(PUT));
  expect(isStowageError(error, "storage_misconfigured")).toBe(true);
  expect(received).toHaveLength(1);
});

test("send() gives up when the other credentials are refused too", async () => {
  const { endpoint, received } = await startAnswering({
    status: 400,
    body: s3Error("ExpiredToken"),
  });
  let count = 0;
  const credentials = async (): Promise<Credentials> => {
    count += 1;
    return { ...CREDENTIALS, accessKeyId: `AKID${count}` };
  };
  await caught(openClient({ endpoint, credentials }).send(PUT));
  expect(received).toHaveLength(2);
});

test("send() passes errors of the source of credentials on, and wraps others", async () => {
  const { endpoint, received } = await startAnswering({});
  const failing = (): Promise<Credentials> => Promise.reject(new TypeError("vault is sealed"));
  const error = await caught(openClient({ endpoint, credentials: failing }).send(PUT));
  expect(isStowageError(error, "storage_unavailable")).toBe(true);
  expect(String(error)).toBe(
    'StowageError: Cannot sign requests to bucket "uploads": the source of credentials failed',
  );
  const bad = async (): Promise<Credentials> => ({
    accessKeyId: "AKID\n",
    secretAccessKey: "s3cr3t",
  });
  const refused = await caught(openClient({ endpoint, credentials: bad }).send(PUT));
  expect(isStowageError(refused, "storage_misconfigured")).toBe(true);
  expect(String(refused)).not.toMatch(/AKID|s3cr3t/);
  expect(received).toHaveLength(0);
});

test.each([
  "AuthorizationHeaderMalformed",
  "PermanentRedirect",
] as const)("send() puts region, clock and credentials right in one call to a strict server (%s)", async (wrongRegion) => {
  const server = await startStrictS3({ region: "us-west-2", wrongRegion });
  onTestFinished(() => server.stop());
  server.clockOffsetMs = 3_600_000;
  const bucket = await server.makeBucket();
  const { accessKeyId, secretAccessKey } = server;
  let current: Credentials = { accessKeyId: "AKIDOLD", secretAccessKey: "old" };
  const credentials = async (_signal?: AbortSignal, refused?: Credentials) => {
    if (refused !== undefined) current = { accessKeyId, secretAccessKey };
    return current;
  };
  const client = openClient({ endpoint: server.endpoint, bucket, credentials, maxAttempts: 1 });
  await client.send(PUT);
  expect(server.objects(bucket)).toHaveLength(1);
  expect(server.requests).toHaveLength(4);
});
