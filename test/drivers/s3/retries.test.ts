import { expect, test } from "vitest";
import type { S3Request } from "../../../drivers/s3/wire/protocol.ts";
import { isStowageError } from "../../../src/driver.ts";
import { type Scripted, s3Error, startAnswering } from "./answering-server.ts";
import { openClient } from "./open-client.ts";

const PUT: S3Request = {
  action: "PutObject",
  method: "PUT",
  objectKey: "a",
  body: new TextEncoder().encode("hello"),
};
const LIST: S3Request = { action: "ListObjectsV2", method: "GET" };

const reset: Scripted = { act: (_response, request) => void request.socket.resetAndDestroy() };

async function caught(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

test.each<[string, Scripted]>([
  ["408", { status: 408 }],
  ["429", { status: 429 }],
  ["499", { status: 499 }],
  ["500", { status: 500, body: s3Error("InternalError") }],
  ["502 of a proxy", { status: 502, body: "<html>" }],
  ["503 SlowDown", { status: 503, body: s3Error("SlowDown") }],
  ["504", { status: 504 }],
  ["400 RequestTimeout", { status: 400, body: s3Error("RequestTimeout") }],
  ["400 IncompleteBody", { status: 400, body: s3Error("IncompleteBody") }],
  ["409 OperationAborted", { status: 409, body: s3Error("OperationAborted") }],
  ["a reset", reset],
  [
    "an error body that is reset",
    {
      act: (response, request) => {
        response.writeHead(500, { "content-length": 100 });
        response.write("<Error>", () => request.socket.resetAndDestroy());
      },
    },
  ],
])("send() repeats the whole request after %s", async (_what, answer) => {
  const { endpoint, received } = await startAnswering(answer, answer, {});
  await openClient({ endpoint }).send(PUT);
  expect(received.map(({ body }) => Buffer.from(body).toString())).toEqual(Array(3).fill("hello"));
});

test.each<[string, Scripted]>([
  ["an error inside", { body: s3Error("SlowDown") }],
  ["half an answer", { body: "<R><Key>" }],
  [
    "a body that is reset",
    {
      act: (response, request) => {
        response.writeHead(200, { "content-length": 100 });
        response.write("<R>", () => request.socket.resetAndDestroy());
      },
    },
  ],
])("sendForXml() repeats the request after 200 with %s", async (_what, answer) => {
  const { endpoint, received } = await startAnswering(answer, { body: "<R/>" });
  expect(await openClient({ endpoint }).sendForXml(LIST)).toMatchObject({ name: "R" });
  expect(received).toHaveLength(2);
});

test.each([
  400, 401, 403, 404, 405, 411, 412, 416, 501,
])("send() does not repeat what is answered %i", async (status) => {
  const { endpoint, received } = await startAnswering({ status, body: s3Error("Whatever") }, {});
  expect(isStowageError(await caught(openClient({ endpoint }).send(PUT)))).toBe(true);
  expect(received).toHaveLength(1);
});

test("send() reports in which attempt it failed, so that a caller can ask whether an earlier one won", async () => {
  const { endpoint } = await startAnswering(reset, {
    status: 412,
    body: s3Error("PreconditionFailed"),
  });
  const error = await caught(
    openClient({ endpoint }).send({ ...PUT, headers: { "if-none-match": "*" } }),
  );
  expect(error).toMatchObject({ code: "object_exists", data: { attempts: 2 } });
  expect(String(error)).toMatch(/after 2 attempts$/);
});

test.each([1, 2, 5])("send() makes %i attempts if so many are allowed", async (maxAttempts) => {
  const { endpoint, received } = await startAnswering({ status: 503 });
  await caught(openClient({ endpoint, maxAttempts }).send(PUT));
  expect(received).toHaveLength(maxAttempts);
});

test.each<[string, Scripted]>([
  ["fails", { status: 500 }],
  ["throttles", { status: 503, body: s3Error("SlowDown") }],
])("send() repeats nothing once a store %s for ten seconds, and the first answer ends that", async (_what, down) => {
  let now = 0;
  let isDown = true;
  const { endpoint, received } = await startAnswering(() => (isDown ? down : {}));
  const client = openClient({ endpoint, maxAttempts: 3 }, { now: () => now });
  const attempts = async (): Promise<number> => {
    const before = received.length;
    await caught(client.send(PUT));
    return received.length - before;
  };
  expect(await attempts()).toBe(3);
  now = 9_999;
  expect(await attempts()).toBe(3);
  now = 10_000;
  expect(await attempts()).toBe(1);
  now = 3_600_000;
  expect(await attempts()).toBe(1);
  isDown = false;
  expect(await attempts()).toBe(1);
  isDown = true;
  expect(await attempts()).toBe(3);
});

test("send() takes a refusal for a sign of life", async () => {
  let now = 0;
  const missing: Scripted = { status: 404, body: s3Error("NoSuchKey") };
  const { endpoint, received } = await startAnswering({ status: 500 }, missing, { status: 500 });
  const client = openClient({ endpoint, maxAttempts: 2 }, { now: () => now });
  await caught(client.send(PUT));
  now = 10_000;
  await caught(client.send(PUT));
  expect(received).toHaveLength(4);
});

test("send() gives up after a second on a store that it has never reached", async () => {
  let now = 0;
  let attempts = 0;
  const fetch = async (): Promise<Response> => {
    attempts += 1;
    now += 400;
    throw new TypeError("fetch failed");
  };
  const client = openClient({ endpoint: "http://a.example" }, { fetch, now: () => now });
  expect(isStowageError(await caught(client.send(PUT)), "storage_unavailable")).toBe(true);
  expect(attempts).toBe(4);
});

test.each([
  ["", 12_000, 5, 2],
  [", unless a large body takes longer", 30_000, 1024 * 1024, 2],
])("send() begins no attempt later than 20 s after the first%s", async (_what, stepMs, bytes, attempts) => {
  let now = 0;
  const { endpoint, received } = await startAnswering(() => {
    now += stepMs;
    return { status: 503 };
  });
  const client = openClient({ endpoint, maxAttempts: 9 }, { now: () => now });
  await caught(client.send({ ...PUT, body: new Uint8Array(bytes) }));
  expect(received).toHaveLength(attempts);
});

test("send() does not wait twice for a server that takes a large body and says nothing", async () => {
  let now = 0;
  let attempts = 0;
  const fetch = async (): Promise<Response> => {
    attempts += 1;
    now += 30_000;
    throw new TypeError("fetch failed", {
      cause: Object.assign(new Error("stalled"), { code: "ERR_WRITE_STALLED" }),
    });
  };
  const client = openClient(
    { endpoint: "http://a.example", maxAttempts: 9 },
    { fetch, now: () => now },
  );
  const error = await caught(client.send({ ...PUT, body: new Uint8Array(8 * 1024 * 1024) }));
  expect(isStowageError(error, "storage_timeout")).toBe(true);
  expect(attempts).toBe(1);
});

test("send() gives up at once when the server wishes a longer wait than there is time", async () => {
  const { endpoint, received } = await startAnswering({
    status: 503,
    headers: { "retry-after": "11" },
  });
  const error = await caught(openClient({ endpoint }).send(PUT));
  expect(isStowageError(error, "storage_unavailable")).toBe(true);
  expect(received).toHaveLength(1);
});

test.each([
  ["seconds", "1"],
  ["a date", new Date(1_001_000).toUTCString()],
])("send() waits no less than the server wishes, in %s", async (_what, retryAfter) => {
  const headers = { "retry-after": retryAfter, date: new Date(1_000_000).toUTCString() };
  const { endpoint, received } = await startAnswering({ status: 503, headers }, {});
  // A wait of less than the second that was wished would leave time for another attempt.
  const client = openClient({ endpoint, timeouts: { retryMs: 999 } }, { now: () => 0 });
  expect(isStowageError(await caught(client.send(PUT)), "storage_unavailable")).toBe(true);
  expect(received).toHaveLength(1);
});
