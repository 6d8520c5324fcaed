import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { incomingBody } from "../../../src/runtime/server/incoming.ts";

/** As the server's default. */
const MIN_BYTES_PER_SECOND = 1024;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A request whose client sends what is written to `client`. */
function receive(headers: Record<string, string> = {}, minBytesPerSecond = MIN_BYTES_PER_SECOND) {
  const client = new PassThrough();
  const incoming = Object.assign(client, { headers }) as unknown as IncomingMessage;
  let asked = 0;
  const outgoing = { writeContinue: () => void asked++ };
  const body = incomingBody(incoming, outgoing, minBytesPerSecond);
  return { client, chunks: body[Symbol.asyncIterator](), asked: () => asked };
}

/** What becomes of `next` within `ms`. */
async function outcomeAfter(ms: number, next: Promise<unknown>): Promise<unknown> {
  const outcome = next.then(
    () => "chunk",
    (error: { code: string }) => error.code,
  );
  await vi.advanceTimersByTimeAsync(ms);
  return await Promise.race([outcome, Promise.resolve("waiting")]);
}

test("incomingBody() gives up on a client that stalls for ten seconds", async () => {
  const { client, chunks } = receive();
  client.write(Buffer.alloc(100));
  await chunks.next();
  const next = chunks.next();
  next.catch(() => {});
  expect(await outcomeAfter(9_000, next)).toBe("waiting");
  expect(await outcomeAfter(2_000, next)).toBe("request_timeout");
  await chunks.return?.();
  expect(vi.getTimerCount()).toBe(0);
  expect(client.destroyed, "an answer can still be sent").toBe(false);
});

test("incomingBody() reads from a client that keeps to the minimum, however long it takes", async () => {
  const { client, chunks } = receive();
  for (let second = 0; second < 60; second += 1) {
    const next = chunks.next();
    expect(await outcomeAfter(1_000, next)).toBe("waiting");
    client.write(Buffer.alloc(MIN_BYTES_PER_SECOND));
    await next;
  }
});

test("incomingBody() cuts a client slower than the minimum", async () => {
  const { client, chunks } = receive();
  let seconds = 0;
  for (;;) {
    const next = chunks.next();
    next.catch(() => {});
    if ((await outcomeAfter(1_000, next)) === "request_timeout") break;
    seconds += 1;
    client.write(Buffer.alloc(10));
    await next;
  }
  expect(seconds).toBeGreaterThanOrEqual(9);
  expect(seconds).toBeLessThanOrEqual(11);
});

test("incomingBody() cuts a client that stalls for long, however fast it was before", async () => {
  const { client, chunks } = receive();
  for (let megabytes = 0; megabytes < 16; megabytes += 1) {
    client.write(Buffer.alloc(2 ** 20));
    await chunks.next();
  }
  const next = chunks.next();
  next.catch(() => {});
  expect(await outcomeAfter(59_000, next)).toBe("waiting");
  expect(await outcomeAfter(2_000, next)).toBe("request_timeout");
});

test("incomingBody() does not count the time of a slow storage", async () => {
  const { client, chunks } = receive();
  for (let round = 0; round < 5; round += 1) {
    client.write(Buffer.alloc(10));
    await chunks.next();
    await vi.advanceTimersByTimeAsync(60_000);
  }
  client.end();
  expect(await chunks.next()).toMatchObject({ done: true });
  expect(vi.getTimerCount()).toBe(0);
});

test("incomingBody() waits for ever without a minimum", async () => {
  const { client, chunks } = receive({}, 0);
  const next = chunks.next();
  expect(await outcomeAfter(3_600_000, next)).toBe("waiting");
  client.write("late");
  expect(await next).toMatchObject({ done: false });
});

test("incomingBody() sends 100 Continue once, with the first read", async () => {
  const { client, chunks, asked } = receive({ expect: "100-continue" });
  expect(asked()).toBe(0);
  client.end("body");
  await chunks.next();
  await chunks.next();
  expect(asked()).toBe(1);
  const plain = receive();
  plain.client.end("body");
  await plain.chunks.next();
  expect(plain.asked()).toBe(0);
});

test("incomingBody() fails with request_aborted when the connection breaks", async () => {
  const { client, chunks } = receive();
  const next = chunks.next();
  client.destroy(new Error("aborted"));
  await expect(next).rejects.toMatchObject({ code: "request_aborted" });
  expect(vi.getTimerCount()).toBe(0);
});
