import type { ByteStream } from "../domain/bytes.ts";

/**
 * Bytes on their way from somebody who pushes to somebody who pulls. One reader, once.
 *
 * Unlike the iterator of a Node stream it hands chunks on as they came, without joining them, and lets its
 * reader go at once even while nothing arrives.
 */
export class Channel implements ByteStream {
  /** Called when there is room again after `push` said there was none. */
  onRoom: () => void = () => {};
  readonly #capacityBytes: number;
  readonly #onLetGo: () => void;
  readonly #chunks: Uint8Array[] = [];
  #heldBytes = 0;
  #full = false;
  #state: "open" | "ended" | "failed" = "open";
  #error: unknown;
  /** Wakes the reader. */
  #wake: () => void = () => {};

  /** @param onLetGo Called if the reader stops before the end. */
  constructor(capacityBytes: number, onLetGo: () => void) {
    this.#capacityBytes = capacityBytes;
    this.#onLetGo = onLetGo;
  }

  /** @returns `false` if nothing more should be pushed until `onRoom`. */
  push(chunk: Uint8Array): boolean {
    if (this.#state !== "open") return true;
    this.#chunks.push(chunk);
    this.#heldBytes += chunk.byteLength;
    this.#full = this.#heldBytes >= this.#capacityBytes;
    this.#wake();
    return !this.#full;
  }

  /** Nothing more will come. */
  end(): void {
    if (this.#state === "open") this.#state = "ended";
    this.#wake();
  }

  /** Something went wrong: the reader is told at once, before what is still held. */
  fail(error: unknown): void {
    if (this.#state !== "open") return;
    this.#state = "failed";
    this.#error = error;
    this.#chunks.length = 0;
    this.#wake();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return {
      next: async () => {
        for (;;) {
          const chunk = this.#take();
          if (chunk !== undefined) return { done: false, value: chunk };
          if (this.#state === "failed") throw this.#error;
          if (this.#state === "ended") return { done: true, value: undefined };
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      },
      return: async () => {
        if (this.#state === "open" || this.#chunks.length > 0) {
          this.#chunks.length = 0;
          this.#onLetGo();
          this.end();
        }
        return { done: true, value: undefined };
      },
    };
  }

  #take(): Uint8Array | undefined {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return undefined;
    this.#heldBytes -= chunk.byteLength;
    if (this.#full && this.#heldBytes < this.#capacityBytes) {
      this.#full = false;
      this.onRoom();
    }
    return chunk;
  }
}
