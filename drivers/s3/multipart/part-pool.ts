import type { Hasher } from "../../../src/driver.ts";
import { PartBuffer } from "./part-buffer.ts";

/**
 * Memory of parts that were sent, for the parts that follow: of all uploads together, so that it lies idle
 * in none of them. It keeps a few, and nothing at all while nobody uploads.
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

  /** Begin an upload in parts. @returns Ends it. */
  join(): () => void {
    this.#uploads += 1;
    return () => {
      this.#uploads -= 1;
      if (this.#uploads === 0) this.#spare.length = 0;
    };
  }

  /** For the first part of a body, which may be all there is: it holds no more than has come. */
  fresh(): PartBuffer {
    return new PartBuffer(this.#hasher);
  }

  /** For a part that will most likely be full. */
  take(): PartBuffer {
    return this.#spare.pop() ?? this.fresh();
  }

  give(buffer: PartBuffer): void {
    if (this.#uploads > 0 && this.#spare.length < this.#keptAtMost) this.#spare.push(buffer);
  }
}
