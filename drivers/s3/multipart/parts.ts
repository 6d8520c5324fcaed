import { type Body, bodySize, readBody, StowageError } from "../../../src/driver.ts";
import { MAX_PARTS } from "../store.ts";
import type { PartBuffer } from "./part-buffer.ts";
import type { PartPool } from "./part-pool.ts";

const MIB = 1024 ** 2;
/** Number of parts of the first size if the length is unknown: 8 GiB in parts of 8 MiB. */
const EVEN_PARTS = 1000;
/** After that each step adds `GROWTH_BYTES`, so that 10,000 parts hold 5 TiB and memory grows with the object. */
const PARTS_PER_STEP = 60;
const GROWTH_BYTES = 8 * MIB;

/** A piece of a body, ready to send. */
export interface Part {
  /** From 1. */
  readonly number: number;
  readonly bytes: Uint8Array;
  /** Lower-case hexadecimal, if it was computed already. */
  readonly sha256?: string | undefined;
  /** Whether this is the whole body. Known for the first part, where it decides between one request and many. */
  readonly isWhole: boolean;
  /** Return its memory for another part. Do not use `bytes` afterwards. */
  release(): void;
}

export interface PartRules {
  readonly partBytes: number;
  readonly uniform: boolean;
  readonly pool: PartPool;
}

/**
 * The length of part `number` of a body of `sizeBytes`.
 *
 * A body of known length is split into at most 10,000 parts of equal length. With an unknown length, parts grow.
 */
export function partLength(
  number: number,
  sizeBytes: number | undefined,
  { partBytes, uniform }: Pick<PartRules, "partBytes" | "uniform">,
): number {
  if (sizeBytes !== undefined) {
    const even = Math.ceil(sizeBytes / MAX_PARTS);
    return even <= partBytes ? partBytes : Math.ceil(even / MIB) * MIB;
  }
  const steps = uniform ? 0 : Math.ceil(Math.max(0, number - EVEN_PARTS) / PARTS_PER_STEP);
  return partBytes + steps * GROWTH_BYTES;
}

/** Split `body` into parts. Errors and aborts are those of `readBody`. */
export function partsOf(
  body: Body,
  rules: PartRules,
  signal?: AbortSignal,
): AsyncGenerator<Part, void, void> {
  return body.kind === "bytes" ? slices(body.bytes, rules) : filled(body, rules, signal);
}

/** Bytes in memory are not copied. */
async function* slices(bytes: Uint8Array, rules: PartRules): AsyncGenerator<Part, void, void> {
  const length = partLength(1, bytes.byteLength, rules);
  const isWhole = bytes.byteLength <= length;
  for (let number = 1, start = 0; number === 1 || start < bytes.byteLength; number += 1) {
    yield { number, bytes: bytes.subarray(start, start + length), isWhole, release() {} };
    start += length;
  }
}

async function* filled(
  body: Body,
  rules: PartRules,
  signal: AbortSignal | undefined,
): AsyncGenerator<Part, void, void> {
  const sizeBytes = bodySize(body);
  let number = 0;
  const next = (): PartBuffer => {
    number += 1;
    if (number > MAX_PARTS) throw tooManyParts();
    const buffer = number === 1 ? rules.pool.fresh() : rules.pool.take();
    buffer.begin(partLength(number, sizeBytes, rules));
    return buffer;
  };
  const partOf = (buffer: PartBuffer, isWhole: boolean): Part => ({
    number,
    isWhole,
    bytes: buffer.bytes,
    sha256: buffer.sha256(),
    release: () => rules.pool.give(buffer),
  });
  let buffer: PartBuffer | undefined;
  for await (const chunk of readBody(body, signal)) {
    for (let rest = chunk; rest.byteLength > 0; ) {
      if (buffer?.isFull === true) {
        yield partOf(buffer, false);
        buffer = undefined;
      }
      buffer ??= next();
      rest = buffer.take(rest);
    }
    // Sent at once, without waiting for the next chunk. Only a first part may turn out to be the whole body.
    if (buffer?.isFull === true && (number > 1 || (sizeBytes ?? 0) > buffer.sizeBytes)) {
      yield partOf(buffer, false);
      buffer = undefined;
    }
  }
  if (number === 0) buffer = next();
  if (buffer !== undefined) yield partOf(buffer, number === 1);
}

function tooManyParts(): StowageError {
  return new StowageError(
    "upload_too_large",
    `Cannot store body: it does not fit into ${MAX_PARTS} parts`,
  );
}
