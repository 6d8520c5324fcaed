import { getEventListeners } from "node:events";
import type { IncomingMessage } from "node:http";
import process from "node:process";
import { expect, onTestFinished, test, vi } from "vitest";
import type { S3Request, S3Response } from "../../../../drivers/s3/wire/protocol.ts";
import { isStowageError, readAtMost } from "../../../../src/driver.ts";
import { type Scripted, s3Error, startAnswering } from "../answering-server.ts";
import { openClient } from "../open-client.ts";

const GET: S3Request = { action: "GetObject", method: "GET", objectKey: "a" };
const PUT: S3Request = { ...GET, action: "PutObject", method: "PUT", body: new Uint8Array(64) };

/** Another answer with a body. Unlike GetObject's, it is good before its first byte has come. */
const LIST: S3Request = { action: "ListObjectsV2", method: "GET" };

type Fetch = typeof globalThis.fetch;

async function caught(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

async function readAll({ body }: S3Response): Promise<Uint8Array | null> {
  return body === null ? null : await readAtMost(body, 1_000_000);
}

/** Clocks stand still, but for `advanceTimersByTimeAsync`. */
function holdClocks(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
}

/** A line of a script that never goes on, and a promise of the end of its connection. */
function stalling(begin: Scripted["act"] = () => {}): {
  line: Scripted;
  gone: Promise<unknown>;
  come: Promise<void>;
} {
  const gone = Promise.withResolvers<unknown>();
  const come = Promise.withResolvers<void>();
  const act = (
    response: Parameters<NonNullable<Scripted["act"]>>[0],
    request: IncomingMessage,
  ): void => {
    request.socket.on("error", () => {}).once("close", gone.resolve);
    begin(response, request);
    come.resolve();
  };
  return { line: { act }, gone: gone.promise, come: come.promise };
}

/** Answers 200 and so many bytes, and no more. */
const halfway: Scripted["act"] = (response) => {
  response.writeHead(200, { "content-length": 100 });
  response.write("half");
};

test("send() ends with storage_timeout when no answer comes, and frees the socket", async () => {
  holdClocks();
  const { line, gone, come } = stalling();
  const { endpoint, received } = await startAnswering(line);
  const client = openClient({ endpoint, timeouts: { responseMs: 7_000 }, maxAttempts: 1 });
  const sending = caught(client.send(GET));
  await come;
  await vi.advanceTimersByTimeAsync(7_000);
  const error = await sending;
  expect(error).toMatchObject({ code: "storage_timeout", retryable: true });
  expect(String(error)).toMatch(/127\.0\.0\.1:\d+ does not respond for 7 s/);
  await gone;
  expect(received).toHaveLength(1);
});

test("send() repeats a request that was not answered in time", async () => {
  const { line } = stalling();
  const { endpoint, received } = await startAnswering(line, {});
  await openClient({ endpoint, timeouts: { responseMs: 200 }, maxAttempts: 9 }).send(PUT);
  expect(received.length).toBeGreaterThan(1);
});

test("send() frees the socket when the answer's body stalls", async () => {
  const { line, gone } = stalling(halfway);
  const { endpoint } = await startAnswering(line);
  const answer = await openClient({ endpoint, timeouts: { idleMs: 50 } }).send(GET);
  const error = await caught(readAll(answer));
  expect(error).toMatchObject({
    code: "storage_timeout",
    data: { action: "GetObject", attempts: 1 },
  });
  await gone;
});

test("sendForXml() repeats a request whose answer stalls", async () => {
  const { line, gone } = stalling(halfway);
  const { endpoint, received } = await startAnswering(line, { body: "<R/>" });
  const client = openClient({ endpoint, timeouts: { idleMs: 200 }, maxAttempts: 9 });
  await client.sendForXml(GET);
  await gone;
  expect(received.length).toBeGreaterThan(1);
});

test("send() does not wait for the end of a refusal that trickles", async () => {
  const { line, gone } = stalling((response) => {
    response.writeHead(503);
    const drip = setInterval(() => response.write(" "), 5);
    response.once("close", () => clearInterval(drip));
  });
  const { endpoint } = await startAnswering(line);
  const client = openClient({ endpoint, timeouts: { idleMs: 600 }, maxAttempts: 1 });
  expect(isStowageError(await caught(client.send(GET)), "storage_timeout")).toBe(true);
  await gone;
});

test("the stream of an answer that breaks off fails with storage_unavailable", async () => {
  const { endpoint } = await startAnswering({
    act: (response, request) => {
      response.writeHead(200, { "content-length": 100 });
      response.write("half", () => request.socket.resetAndDestroy());
    },
  });
  const answer = await openClient({ endpoint }).send(GET);
  const error = await caught(readAll(answer));
  expect(error).toMatchObject({
    code: "storage_unavailable",
    retryable: true,
    data: { s3Code: null },
  });
});

test.each<[string, S3Request]>([
  ["while it waits for an answer", PUT],
  ["while it waits for an answer without a body", { ...GET, method: "HEAD" }],
])("an aborted signal ends send() %s, frees the socket and is not repeated", async (_what, request) => {
  const { line, gone, come } = stalling();
  const { endpoint, received } = await startAnswering(line);
  const aborter = new AbortController();
  const sending = caught(openClient({ endpoint }).send({ ...request, signal: aborter.signal }));
  await come;
  aborter.abort("enough");
  const error = await sending;
  expect(error).toMatchObject({ code: "request_aborted", cause: "enough" });
  await gone;
  expect(received).toHaveLength(1);
  expect(getEventListeners(aborter.signal, "abort")).toHaveLength(0);
});

test("an aborted signal ends the stream of an answer, also while no one reads it", async () => {
  for (const reading of [true, false]) {
    const { line, gone } = stalling(halfway);
    const { endpoint } = await startAnswering(line);
    const aborter = new AbortController();
    const { body } = await openClient({ endpoint }).send({ ...GET, signal: aborter.signal });
    const reader = body?.getReader();
    await reader?.read();
    const pending = reading ? caught(Promise.resolve(reader?.read())) : null;
    aborter.abort();
    await gone;
    const error = await (pending ?? caught(Promise.resolve(reader?.read())));
    expect(isStowageError(error, "request_aborted")).toBe(true);
    expect(getEventListeners(aborter.signal, "abort")).toHaveLength(0);
  }
});

test("an aborted signal ends sendForXml() and the reading of a refusal", async () => {
  const refusing: Scripted["act"] = (response) => {
    response.writeHead(500, { "content-length": 100 });
    response.write("half");
  };
  for (const begin of [halfway, refusing]) {
    const { line, gone, come } = stalling(begin);
    const { endpoint, received } = await startAnswering(line);
    const aborter = new AbortController();
    const sending = caught(openClient({ endpoint }).sendForXml({ ...GET, signal: aborter.signal }));
    await come;
    aborter.abort();
    expect(isStowageError(await sending, "request_aborted")).toBe(true);
    await gone;
    expect(received).toHaveLength(1);
  }
});

test("an aborted signal ends the wait between two attempts", async () => {
  const aborter = new AbortController();
  const answer = { status: 503, headers: { "retry-after": "9" } };
  const { endpoint, received } = await startAnswering(answer);
  // Its last chance to be heard before the wait: randomness is asked for how long that is.
  const random = (bytes: Uint8Array): Uint8Array => {
    setImmediate(() => aborter.abort());
    return bytes;
  };
  const error = await caught(
    openClient({ endpoint }, { random }).send({ ...PUT, signal: aborter.signal }),
  );
  expect(isStowageError(error, "request_aborted")).toBe(true);
  expect(received).toHaveLength(1);
});

test("a signal that is aborted already sends nothing and asks for no credentials", async () => {
  const { endpoint, received } = await startAnswering({});
  const credentials = () => Promise.reject(new Error("It was asked"));
  const client = openClient({ endpoint, credentials });
  const error = await caught(client.send({ ...PUT, signal: AbortSignal.abort() }));
  expect(isStowageError(error, "request_aborted")).toBe(true);
  expect(received).toHaveLength(0);
});

test("a body that is cancelled frees its socket", async () => {
  const { line, gone } = stalling(halfway);
  const { endpoint } = await startAnswering(line);
  const { body } = await openClient({ endpoint }).send(GET);
  await body?.cancel();
  await gone;
});

test("a body that has failed can be cancelled", async () => {
  const fetch = async (): Promise<Response> => {
    return new Response(
      new ReadableStream({ start: (controller) => controller.error(new Error("x")) }),
    );
  };
  const { body } = await openClient(
    { endpoint: "http://a.example" },
    { fetch: fetch as Fetch },
  ).send(LIST);
  await body?.cancel();
});

test("2,000 answers of every kind under one signal leave neither listener nor timer", async () => {
  const { signal } = new AbortController();
  const answers: (() => Response)[] = [
    () => new Response("body"),
    () => new Response(null, { status: 204 }),
    () => new Response("", { headers: { "content-length": "0" } }),
    () => new Response(s3Error("NoSuchKey"), { status: 404 }),
    () => new Response("x".repeat(70_000), { status: 404 }),
    () => new Response(new ReadableStream({ pull: () => Promise.reject(new Error("broken")) })),
  ];
  let count = 0;
  const fetch = async (): Promise<Response> => {
    const answer = answers[count % (answers.length + 1)];
    count += 1;
    if (answer === undefined) throw new TypeError("fetch failed");
    return answer();
  };
  const client = openClient(
    { endpoint: "http://a.example", maxAttempts: 1 },
    { fetch: fetch as Fetch },
  );
  const timers = (): number =>
    process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;
  const before = timers();
  for (let round = 0; round < 2_000; round += 1) {
    const answer = await client.send({ ...GET, signal }).catch(() => null);
    if (answer === null) continue;
    if (round % 2 === 0) await readAll(answer).catch(() => {});
    else await answer.body?.cancel();
  }
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
  // The test's own runner has some, too.
  expect(timers() - before).toBeLessThan(10);
});

/** What fetch does with a signal: nothing comes before it is aborted. */
function hang(signal: AbortSignal | null | undefined): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason));
  });
}

test.each<[string, Partial<S3Request>, number]>([
  ["a large body the time that a slow line needs", { body: new Uint8Array(10 * 1_024) }, 11_000],
  ["four times as long to actions on many objects", { action: "DeleteObjects" }, 4_062.5],
])("send() gives %s", async (_what, request, timeoutMs) => {
  holdClocks();
  const called = Promise.withResolvers<void>();
  const fetch: Fetch = (_url, init) => {
    called.resolve();
    return hang(init?.signal);
  };
  const timeouts = { responseMs: 1_000, minBytesPerSecond: 1_024 };
  const client = openClient({ endpoint: "http://a.example", timeouts, maxAttempts: 1 }, { fetch });
  let settled = false;
  const sending = caught(client.send({ ...PUT, ...request })).then((error) => {
    settled = true;
    return error;
  });
  await called.promise;
  await vi.advanceTimersByTimeAsync(Math.floor(timeoutMs) - 1);
  expect(settled).toBe(false);
  await vi.advanceTimersByTimeAsync(2);
  expect(isStowageError(await sending, "storage_timeout")).toBe(true);
});

test("the idle clock runs while a chunk is awaited, and begins anew with each", async () => {
  holdClocks();
  let push: ReadableStreamDefaultController<Uint8Array> | undefined;
  const fetch = async (_url: unknown, init?: RequestInit): Promise<Response> => {
    const source = new ReadableStream<Uint8Array>({
      start(controller) {
        push = controller;
        init?.signal?.addEventListener("abort", () => controller.error(init.signal?.reason));
      },
    });
    return new Response(source);
  };
  const client = openClient(
    { endpoint: "http://a.example", timeouts: { idleMs: 1_000 } },
    { fetch: fetch as Fetch },
  );
  const { body } = await client.send(LIST);
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  await vi.advanceTimersByTimeAsync(5_000);
  for (let chunk = 0; chunk < 3; chunk += 1) {
    const next = reader.read();
    await vi.advanceTimersByTimeAsync(999);
    push?.enqueue(Uint8Array.of(chunk));
    expect((await next).value).toEqual(Uint8Array.of(chunk));
    await vi.advanceTimersByTimeAsync(5_000);
  }
  const last = caught(reader.read());
  await vi.advanceTimersByTimeAsync(1_000);
  expect(isStowageError(await last, "storage_timeout")).toBe(true);
});
