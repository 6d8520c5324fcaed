import { type Hash, type Hasher, toHex } from "../../../src/driver.ts";

/** Below this, growing costs more than the memory that it spares. */
const SMALLEST_GROWTH_BYTES = 64 * 1024;

/**
 * One part while it comes in: its memory grows with what has come, and its SHA-256 is computed on the way, so
 * that neither a slow sender holds much nor a long part keeps the process busy at once.
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

  /** Begin a part of at most `limitBytes`, in the memory that is there already. */
  begin(limitBytes: number): void {
    this.#hash = this.#hasher("sha256");
    this.#limitBytes = limitBytes;
    this.#sizeBytes = 0;
    // A connection might still look at what has been sent: only memory that never was is moved.
    if (limitBytes > this.#memory.byteLength) this.#memory = new Uint8Array(0);
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get isFull(): boolean {
    return this.#sizeBytes === this.#limitBytes;
  }

  /** Its bytes so far; not a copy. */
  get bytes(): Uint8Array {
    return this.#memory.subarray(0, this.#sizeBytes);
  }

  /** Take as much of `chunk` as there is room for. @returns The rest. */
  take(chunk: Uint8Array): Uint8Array {
    const taken = chunk.subarray(0, this.#limitBytes - this.#sizeBytes);
    this.#reserve(this.#sizeBytes + taken.byteLength);
    this.#memory.set(taken, this.#sizeBytes);
    this.#hash.update(taken);
    this.#sizeBytes += taken.byteLength;
    return chunk.subarray(taken.byteLength);
  }

  /** Lower-case hexadecimal. Ends the part: nothing more is taken. */
  sha256(): string {
    return toHex(this.#hash.digest());
  }

  #reserve(neededBytes: number): void {
    const held = this.#memory.byteLength;
    if (neededBytes <= held) return;
    // What comes in one chunk gets exactly its room; after that, doubling keeps the copies below one each.
    const grown = held === 0 ? neededBytes : Math.max(2 * held, SMALLEST_GROWTH_BYTES);
    const bytes = Math.min(Math.max(grown, neededBytes), this.#limitBytes);
    // Moved, not copied: what is outgrown is free at once, not when somebody collects it.
    this.#memory = new Uint8Array(this.#memory.buffer.transfer(bytes));
  }
}
