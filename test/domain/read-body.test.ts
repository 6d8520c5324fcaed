import { expect, test } from "vitest";
import type { Body } from "../../src/domain/bytes.ts";
import { readBody } from "../../src/domain/read-body.ts";

async function sizesOf(body: Body, signal?: AbortSignal): Promise<number[]> {
  const sizes: number[] = [];
  for await (const chunk of readBody(body, signal)) sizes.push(chunk.byteLength);
  return sizes;
}

/** Yields chunks of these sizes, and records that it was closed. */
function source(sizes: readonly number[], end?: () => Promise<void>) {
  const state = { closed: false, taken: 0 };
  async function* run(): AsyncGenerator<Uint8Array> {
    try {
      for (const size of sizes) {
        state.taken += 1;
        yield new Uint8Array(size);
      }
      await end?.();
    } finally {
      state.closed = true;
    }
  }
  return { stream: run(), state };
}

test("readBody() passes on chunks unchanged, without empty ones", async () => {
  const { stream } = source([3, 0, 5]);
  expect(await sizesOf({ kind: "once", stream, sizeBytes: 8 })).toEqual([3, 5]);
  expect(await sizesOf({ kind: "bytes", bytes: new Uint8Array(4) })).toEqual([4]);
  expect(await sizesOf({ kind: "bytes", bytes: new Uint8Array(0) })).toEqual([]);
});

test("readBody() fails with body_incomplete if the body is shorter than announced", async () => {
  const body: Body = { kind: "once", stream: source([3, 4]).stream, sizeBytes: 8 };
  await expect(sizesOf(body)).rejects.toMatchObject({ code: "body_incomplete" });
});

test("readBody() closes a body as soon as it is longer than announced", async () => {
  const { stream, state } = source([3, 4, 5, 6]);
  const reading = sizesOf({ kind: "once", stream, sizeBytes: 6 });
  await expect(reading).rejects.toMatchObject({ code: "body_incomplete" });
  expect(state).toEqual({ closed: true, taken: 2 });
});

test("readBody() passes on an error of its source unchanged", async () => {
  const failure = new Error("the source broke");
  const { stream } = source([1], () => Promise.reject(failure));
  await expect(sizesOf({ kind: "once", stream })).rejects.toBe(failure);
});

test("readBody() ends with request_aborted while its source hangs, and does not wait for it", async () => {
  const controller = new AbortController();
  const { stream } = source([1], async () => {
    controller.abort();
    await new Promise(() => {});
  });
  const reading = sizesOf({ kind: "once", stream }, controller.signal);
  await expect(reading).rejects.toMatchObject({ code: "request_aborted" });
});

test("readBody() does not open a body if its signal is already aborted", async () => {
  let opened = false;
  const open = () => {
    opened = true;
    return source([1]).stream;
  };
  const reading = sizesOf({ kind: "replayable", sizeBytes: 1, open }, AbortSignal.abort());
  await expect(reading).rejects.toMatchObject({ code: "request_aborted" });
  expect(opened).toBe(false);
});

test("readBody() closes its source if its reader stops early", async () => {
  const { stream, state } = source([1, 2, 3]);
  for await (const _ of readBody({ kind: "once", stream })) break;
  expect(state).toEqual({ closed: true, taken: 1 });
});
