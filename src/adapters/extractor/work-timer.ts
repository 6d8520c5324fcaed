import type { ByteStream } from "../../domain/bytes.ts";

/** Counts a processor's working time, without its waiting for bytes or other work. */
export class WorkTimer {
  #leftMs: number;
  readonly #onExcess: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #since = 0;
  #pauses = 0;

  /** @param onExcess Called at most once, after `limitMs` of work. */
  constructor(limitMs: number, onExcess: () => void) {
    this.#leftMs = limitMs;
    this.#onExcess = onExcess;
    this.#run();
  }

  stop(): void {
    this.#pauses = Number.POSITIVE_INFINITY;
    clearTimeout(this.#timer);
  }

  /** Stop counting until `work` settles. */
  async without<Result>(work: Promise<Result>): Promise<Result> {
    this.#pause();
    try {
      return await work;
    } finally {
      this.#resume();
    }
  }

  /** The same bytes. Waiting for them does not count. */
  async *reading(stream: ByteStream): AsyncGenerator<Uint8Array> {
    const chunks = stream[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.without(chunks.next());
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await chunks.return?.();
    }
  }

  #pause(): void {
    this.#pauses += 1;
    if (this.#pauses > 1) return;
    clearTimeout(this.#timer);
    this.#leftMs -= performance.now() - this.#since;
  }

  #resume(): void {
    this.#pauses -= 1;
    if (this.#pauses === 0) this.#run();
  }

  #run(): void {
    this.#since = performance.now();
    this.#timer = setTimeout(this.#onExcess, Math.max(0, this.#leftMs));
  }
}
