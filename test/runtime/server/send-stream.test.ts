import { randomBytes } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { createServer, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it, onTestFinished, test, vi } from "vitest";
import { StowageError } from "../../../src/domain/errors.ts";
import { type Logger, SILENT } from "../../../src/domain/ports/logger.ts";
import { limitEnd, sendStream } from "../../../src/runtime/server/send-stream.ts";

/** A stream that never ends, and reports when it is cancelled. */
function endless(chunkBytes = 1024) {
  const { promise: cancelled, resolve } = Promise.withResolvers<void>();
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(chunkBytes)),
    cancel: () => resolve(),
  });
  return { stream, cancelled };
}

test.each([
  ["before", true],
  ["after", false],
])("sendStream() lets the stream go when the client leaves %s the answer begins", async (_, early) => {
  const { stream, cancelled } = endless();
  const server = createServer(async (_incoming, outgoing) => {
    if (early) await once(outgoing, "close");
    await sendStream(new Response(stream), outgoing, SILENT, 0);
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const outgoing = request({ port: (server.address() as AddressInfo).port });
  outgoing
    .on("error", () => {})
    .on("response", (answer) => answer.once("data", () => outgoing.destroy()));
  outgoing.end();
  if (early) server.once("request", () => outgoing.destroy());
  await cancelled;
  expect(stream.locked).toBe(true);
});

test("sendStream() logs a storage that fails, but not a client that disconnects", async () => {
  const reported: string[] = [];
  const logger: Logger = { ...SILENT, error: (event) => reported.push(event) };
  for (const code of ["request_aborted", "storage_unavailable"] as const) {
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) =>
        controller.error(new StowageError(code, "Cannot go on: a test says so")),
    });
    const outgoing = new Outgoing() as unknown as ServerResponse;
    await sendStream(new Response(stream), outgoing, logger, 0);
  }
  expect(reported).toEqual(["response.broken_off"]);
});

/** As the server's default. */
const MIN_BYTES_PER_SECOND = 1024;
const PIECE_BYTES = 64 * 1024;

/** The answer as far as it is needed: its reader says when a piece has gone. */
class Outgoing extends EventEmitter {
  destroyed = false;
  ended = false;
  writableLength = 0;
  writeHead(): void {}
  /** Whether the reader takes everything at once. */
  reads = false;
  readonly written: Uint8Array[] = [];
  readonly #sent: (() => void)[] = [];
  write(piece: Uint8Array, onSent?: () => void): boolean {
    expect(piece.byteLength).toBeLessThanOrEqual(PIECE_BYTES);
    // A copy: the piece is freed when it has gone.
    this.written.push(Buffer.from(piece));
    if (onSent !== undefined) this.#sent.push(onSent);
    this.writableLength += piece.byteLength;
    if (this.reads) queueMicrotask(() => this.take());
    return false;
  }
  /** The reader has taken what was written. */
  take(): void {
    this.writableLength = 0;
    for (const onSent of this.#sent.splice(0)) onSent();
    this.emit("drain");
  }
  end(): void {
    this.ended = true;
  }
  destroy(): void {
    this.destroyed = true;
    this.emit("close");
  }
}

describe("sendStream() with a fixed clock", () => {
  afterEach(() => void vi.useRealTimers());

  function send(stream: ReadableStream<Uint8Array>, minBytesPerSecond = MIN_BYTES_PER_SECOND) {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
    const outgoing = new Outgoing();
    const log: string[] = [];
    const logger: Logger = {
      ...SILENT,
      info: (event) => void log.push(`info ${event}`),
      error: (event) => void log.push(`error ${event}`),
    };
    const response = new Response(stream);
    const sent = sendStream(
      response,
      outgoing as never as ServerResponse,
      logger,
      minBytesPerSecond,
    );
    return { outgoing, log, sent };
  }

  it("sends every byte in order, in pieces", async () => {
    const whole = new Uint8Array(randomBytes(2 * PIECE_BYTES + 3));
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(whole.slice());
        controller.close();
      },
    });
    const { outgoing, sent } = send(stream);
    outgoing.reads = true;
    await sent;
    expect(Buffer.concat(outgoing.written).equals(whole)).toBe(true);
    expect([outgoing.ended, outgoing.destroyed]).toEqual([true, false]);
  });

  it("frees a chunk once it is sent, unless it shares its buffer", async () => {
    const shared = new Uint8Array(3 * PIECE_BYTES).fill(1);
    const [own, part] = [new Uint8Array(2 * PIECE_BYTES), shared.subarray(PIECE_BYTES)];
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const chunk of [own, part]) controller.enqueue(chunk);
        controller.close();
      },
    });
    const { outgoing, sent } = send(stream);
    await vi.advanceTimersByTimeAsync(0);
    outgoing.take();
    await vi.advanceTimersByTimeAsync(0);
    // Its second half is still on its way.
    expect(own.byteLength).toBe(2 * PIECE_BYTES);
    outgoing.reads = true;
    outgoing.take();
    await sent;
    expect(own.byteLength).toBe(0);
    expect(shared.every((byte) => byte === 1)).toBe(true);
    expect(shared.byteLength).toBe(3 * PIECE_BYTES);
  });

  it("cuts a client that stalls, frees the stream, and logs no error", async () => {
    const { stream, cancelled } = endless(256 * 1024);
    const { outgoing, log, sent } = send(stream);
    // Ten seconds, and what one piece takes at the minimum: 64.
    await vi.advanceTimersByTimeAsync(62_000);
    expect(outgoing.destroyed).toBe(false);
    await vi.advanceTimersByTimeAsync(13_000);
    expect(outgoing.destroyed).toBe(true);
    await Promise.all([sent, cancelled]);
    expect(log).toEqual(["info response.too_slow"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("cuts a client slower than the minimum, however many pieces it has read", async () => {
    const { stream, cancelled } = endless(PIECE_BYTES);
    const { outgoing, sent } = send(stream);
    let pieces = 0;
    for (; !outgoing.destroyed; pieces += 1) {
      // At 0.8 of the minimum.
      await vi.advanceTimersByTimeAsync(80_000);
      outgoing.take();
    }
    await Promise.all([sent, cancelled]);
    expect(pieces).toBeLessThan(5);
  });

  it("serves a client that keeps to the minimum or pauses briefly", async () => {
    const { stream } = endless(PIECE_BYTES);
    const { outgoing, sent } = send(stream);
    for (let pieces = 0; pieces < 20; pieces += 1) {
      await vi.advanceTimersByTimeAsync(pieces % 2 === 0 ? 63_000 : 1_000);
      outgoing.take();
      await vi.advanceTimersByTimeAsync(0);
    }
    expect(outgoing.destroyed).toBe(false);
    outgoing.destroy();
    await sent;
  });

  it("does not count the time of a slow storage", async () => {
    let enqueue = (): void => {};
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        enqueue = () => controller.enqueue(new Uint8Array(1));
      },
    });
    const { outgoing, sent } = send(stream);
    for (let rounds = 0; rounds < 5; rounds += 1) {
      await vi.advanceTimersByTimeAsync(600_000);
      enqueue();
      await vi.advanceTimersByTimeAsync(0);
      outgoing.take();
    }
    expect(outgoing.destroyed).toBe(false);
    outgoing.destroy();
    await sent;
  });

  it("waits for ever without a minimum", async () => {
    const { stream } = endless();
    const { outgoing, sent } = send(stream, 0);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(outgoing.destroyed).toBe(false);
    outgoing.destroy();
    await sent;
  });
});

describe("limitEnd() with a fixed clock", () => {
  afterEach(() => void vi.useRealTimers());

  function answer(leftBytes: number, minBytesPerSecond = MIN_BYTES_PER_SECOND) {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const outgoing = new Outgoing();
    limitEnd(outgoing as never as ServerResponse, minBytesPerSecond);
    outgoing.writableLength = leftBytes;
    outgoing.emit("prefinish");
    return outgoing;
  }

  it("cuts a client that does not read a response written at once", async () => {
    const outgoing = answer(100 * MIN_BYTES_PER_SECOND);
    await vi.advanceTimersByTimeAsync(109_000);
    expect(outgoing.destroyed).toBe(false);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(outgoing.destroyed).toBe(true);
  });

  it("leaves responses alone that are read in time, small, or without a minimum", () => {
    const taken = answer(1_000);
    taken.emit("close");
    answer(0);
    answer(1_000, 0);
    expect(vi.getTimerCount()).toBe(0);
    expect(taken.destroyed).toBe(false);
  });
});
