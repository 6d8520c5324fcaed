import type { Hasher } from "../../../src/driver.ts";
import { PartBuffer } from "./part-buffer.ts";

/**
 * Reuses the memory of sent parts for the parts of all uploads. Keeps a few buffers, and none while there are no
 * uploads.
 */
export class PartPool {
  readonly #hasher: Hasher;
  readonly #keptAtMost: number;
  readonly #spare: PartBuffer[] = [];
  #uploads = 0;

  constructor(hasher: Hasher, keptAtMost: number) {
    this.#hasher = hasher;
    this.#keptAtMost = keptAtMost;
  }

  /** Begin an upload in parts. @returns Call it when the upload ends. */
  join(): () => void {
    this.#uploads += 1;
    return () => {
      this.#uploads -= 1;
      if (this.#uploads === 0) this.#spare.length = 0;
    };
  }

  /** For the first part of a body, which may be short: grows with the bytes received. */
  fresh(): PartBuffer {
    return new PartBuffer(this.#hasher);
  }

  /** For a part that will probably be full. */
  take(): PartBuffer {
    return this.#spare.pop() ?? this.fresh();
  }

  give(buffer: PartBuffer): void {
    if (this.#uploads > 0 && this.#spare.length < this.#keptAtMost) this.#spare.push(buffer);
  }
}
