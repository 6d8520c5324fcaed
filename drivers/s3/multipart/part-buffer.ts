import { type Hash, type Hasher, toHex } from "../../../src/driver.ts";

/** Growing in smaller steps costs more than the memory it saves. */
const SMALLEST_GROWTH_BYTES = 64 * 1024;

/**
 * One part while it is received. Its memory grows with the bytes received, so a slow sender holds little. Its SHA-256 is
 * computed along the way, so a long part does not block the process at its end.
 */
export class PartBuffer {
  readonly #hasher: Hasher;
  #memory = new Uint8Array(0);
  #hash: Hash;
  #limitBytes = 0;
  #sizeBytes = 0;

  constructor(hasher: Hasher) {
    this.#hasher = hasher;
    this.#hash = hasher("sha256");
  }

  /** Begin a part of at most `limitBytes`, reusing the memory of the previous part. */
  begin(limitBytes: number): void {
    this.#hash = this.#hasher("sha256");
    this.#limitBytes = limitBytes;
    this.#sizeBytes = 0;
    // A connection might still read bytes that were sent, so memory is moved only before it is sent.
    if (limitBytes > this.#memory.byteLength) this.#memory = new Uint8Array(0);
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get isFull(): boolean {
    return this.#sizeBytes === this.#limitBytes;
  }

  /** The bytes so far, not copied. */
  get bytes(): Uint8Array {
    return this.#memory.subarray(0, this.#sizeBytes);
  }

  /** Take as much of `chunk` as fits. @returns The rest. */
  take(chunk: Uint8Array): Uint8Array {
    const taken = chunk.subarray(0, this.#limitBytes - this.#sizeBytes);
    this.#reserve(this.#sizeBytes + taken.byteLength);
    this.#memory.set(taken, this.#sizeBytes);
    this.#hash.update(taken);
    this.#sizeBytes += taken.byteLength;
    return chunk.subarray(taken.byteLength);
  }

  /** Lower-case hexadecimal. Ends the part: take nothing after it. */
  sha256(): string {
    return toHex(this.#hash.digest());
  }

  #reserve(neededBytes: number): void {
    const held = this.#memory.byteLength;
    if (neededBytes <= held) return;
    // The first chunk gets exactly its size. After that, doubling keeps the average below one copy per byte.
    const grown = held === 0 ? neededBytes : Math.max(2 * held, SMALLEST_GROWTH_BYTES);
    const bytes = Math.min(Math.max(grown, neededBytes), this.#limitBytes);
    // Moved, not copied: the old memory is freed at once, not by garbage collection.
    this.#memory = new Uint8Array(this.#memory.buffer.transfer(bytes));
  }
}
