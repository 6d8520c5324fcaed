import type { Body, ByteStream } from "../../src/driver.ts";

/** Bytes that are different at every place and for every seed, so that a swap or a mixture shows. */
export function pattern(sizeBytes: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  for (let index = 0; index < sizeBytes; index += 1) {
    bytes[index] = Math.imul(index + seed * 7919, 0x9e3779b1) >>> 24;
  }
  return bytes;
}

/** `bytes` in pieces of uneven lengths, an empty one among them, as a network would bring them. */
export async function* inPieces(
  bytes: Uint8Array,
  offset = 0,
): ByteStream & AsyncGenerator<Uint8Array> {
  const lengths = [1, 65_536, 0, 1000, 16_384, 7];
  let position = offset;
  for (let index = 0; position < bytes.byteLength; index += 1) {
    const length = lengths[index % lengths.length] ?? 1;
    yield bytes.subarray(position, position + length);
    position += length;
  }
}

/** The same bytes as every kind of body there is; without a length only where that is taken. */
export function everyKind(bytes: Uint8Array, needsKnownLength: boolean): [string, Body][] {
  const sizeBytes = bytes.byteLength;
  const kinds: [string, Body][] = [
    ["bytes", { kind: "bytes", bytes }],
    ["replayable", { kind: "replayable", sizeBytes, open: (offset) => inPieces(bytes, offset) }],
    ["once, length known", { kind: "once", sizeBytes, stream: inPieces(bytes) }],
  ];
  if (!needsKnownLength) kinds.push(["once", { kind: "once", stream: inPieces(bytes) }]);
  return kinds;
}

/** A stream that gives `bytes` and then waits, until it is ended. */
export class HeldSource {
  readonly stream: ByteStream;
  /** Resolves when all of `bytes` is taken and more is asked for. */
  readonly reached: Promise<void>;
  #reach: () => void = () => {};
  #end: (error?: unknown) => void = () => {};

  constructor(bytes: Uint8Array) {
    this.reached = new Promise((resolve) => {
      this.#reach = resolve;
    });
    const ending = new Promise<void>((resolve, reject) => {
      this.#end = (error) => (error === undefined ? resolve() : reject(error));
    });
    ending.catch(() => {});
    this.stream = this.#run(bytes, ending);
  }

  finish(): void {
    this.#end();
  }

  fail(error: unknown): void {
    this.#end(error);
  }

  async *#run(bytes: Uint8Array, ending: Promise<void>): AsyncGenerator<Uint8Array> {
    yield* inPieces(bytes);
    this.#reach();
    await ending;
  }
}
