import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { inPieces, pattern } from "../../../../drivers/conformance/sources.ts";
import { PartBuffer } from "../../../../drivers/s3/multipart/part-buffer.ts";
import { PartPool } from "../../../../drivers/s3/multipart/part-pool.ts";
import { partLength, partsOf } from "../../../../drivers/s3/multipart/parts.ts";
import { MIB } from "../strict-storage.ts";

const TIB = 1024 ** 2 * MIB;
const GROWING = { partBytes: 8 * MIB, uniform: false };

describe("partLength()", () => {
  test("fits 5 TiB into 10,000 parts, whether the length is known or not", () => {
    expect(partLength(1, 5 * TIB, GROWING) * 10_000).toBeGreaterThanOrEqual(5 * TIB);
    for (const partBytes of [5 * MIB, 8 * MIB]) {
      let sum = 0;
      for (let number = 1; number <= 10_000; number += 1) {
        sum += partLength(number, undefined, { partBytes, uniform: false });
      }
      expect(sum).toBeGreaterThanOrEqual(5 * TIB);
    }
  });

  test("keeps parts small for what is small: 8 MiB up to 8 GiB of an unknown length", () => {
    expect(partLength(1000, undefined, GROWING)).toBe(8 * MIB);
    expect(partLength(1, 78_000 * MIB, GROWING)).toBe(8 * MIB);
    expect(partLength(10_000, undefined, GROWING)).toBeLessThan(1300 * MIB);
  });

  test("stays the same where the service wants even parts", () => {
    expect(partLength(9999, undefined, { ...GROWING, uniform: true })).toBe(8 * MIB);
  });
});

describe("partsOf()", () => {
  const hash = (algorithm: string) => createHash(algorithm);
  const pool = new PartPool(hash, 2);
  const rules = { partBytes: 1000, uniform: true, pool };
  const numbered = async (size: number): Promise<number> => {
    let last = 0;
    const stream = inPieces(pattern(size));
    for await (const part of partsOf({ kind: "once", stream }, rules)) {
      last = part.number;
      part.release();
    }
    return last;
  };

  test("gives all 10,000 parts, and refuses a body that needs one more", async () => {
    expect(await numbered(10_000_000)).toBe(10_000);
    await expect(numbered(10_000_001)).rejects.toMatchObject({ code: "upload_too_large" });
  });

  test("gives the digest of each part, and uses memory again that was given back", async () => {
    const bytes = pattern(5500);
    const memories = new Set<ArrayBufferLike>();
    const leave = pool.join();
    let start = 0;
    for await (const part of partsOf({ kind: "once", stream: inPieces(bytes) }, rules)) {
      const expected = bytes.subarray(start, start + 1000);
      expect(part.bytes).toEqual(expected);
      expect(part.sha256).toBe(createHash("sha256").update(expected).digest("hex"));
      memories.add(part.bytes.buffer);
      start += part.bytes.byteLength;
      part.release();
    }
    expect(start).toBe(5500);
    // The first part's own, and one that follows it through all others.
    expect(memories.size).toBeLessThanOrEqual(2);
    leave();
  });

  test("copies nothing of bytes at hand", async () => {
    const bytes = pattern(5500);
    for await (const part of partsOf({ kind: "bytes", bytes }, rules)) {
      expect(part.bytes.buffer).toBe(bytes.buffer);
    }
  });
});

describe("PartBuffer", () => {
  test("holds little more than what has come", () => {
    const buffer = new PartBuffer((algorithm) => createHash(algorithm));
    buffer.begin(8 * MIB);
    buffer.take(new Uint8Array(10));
    expect(buffer.bytes.buffer.byteLength).toBe(10);
    for (let held = 10; held < MIB; held += 1000) buffer.take(new Uint8Array(1000));
    expect(buffer.bytes.buffer.byteLength).toBeLessThanOrEqual(2.1 * MIB);
    while (!buffer.isFull) buffer.take(new Uint8Array(MIB));
    expect(buffer.bytes.buffer.byteLength).toBe(8 * MIB);
    expect(buffer.take(new Uint8Array(5)).byteLength).toBe(5);
  });
});

test("PartPool keeps a few buffers for all uploads, and none when the last has ended", () => {
  const pool = new PartPool((algorithm) => createHash(algorithm), 2);
  const buffers = [pool.take(), pool.take(), pool.take()];
  const ends = [pool.join(), pool.join()];
  for (const buffer of buffers) pool.give(buffer);
  expect(buffers).not.toContain(pool.fresh());
  expect([pool.take(), pool.take(), pool.take()].filter((taken) => buffers.includes(taken))) //
    .toHaveLength(2);
  for (const buffer of buffers) pool.give(buffer);
  ends.pop()?.();
  expect(buffers).toContain(pool.take());
  ends.pop()?.();
  expect(buffers).not.toContain(pool.take());
  for (const buffer of buffers) pool.give(buffer);
  expect(buffers).not.toContain(pool.take());
});

test("PartBuffer leaves alone what was sent when a longer part follows", () => {
  const buffer = new PartBuffer((algorithm) => createHash(algorithm));
  buffer.begin(10);
  buffer.take(pattern(10));
  const sent = buffer.bytes;
  buffer.begin(20);
  buffer.take(pattern(20, 2));
  expect(sent).toEqual(pattern(10));
});
