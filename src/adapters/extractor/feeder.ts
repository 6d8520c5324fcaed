import type { ByteStream } from "../../domain/bytes.ts";
import type { HostProcess } from "../../domain/ports/host.ts";
import {
  encodeMessage,
  type FrameKind,
  frameBytes,
  payloadsOf,
  type RunMessage,
} from "./protocol.ts";

const NOTHING = new Uint8Array(0);

/** Sends one document to a process, as fast as that takes it. */
export class Feeder {
  readonly #process: HostProcess;
  #waiting = false;
  #ended = false;
  #letGo: () => Promise<unknown> = async () => {};

  constructor(process: HostProcess) {
    this.#process = process;
  }

  /** Whether it is waiting for the stream, and the process therefore perhaps for it. */
  get waiting(): boolean {
    return this.#waiting;
  }

  /**
   * Send the request and the document. Ends early after {@link Feeder.end} or when the process is gone.
   *
   * @throws Only what `stream` throws, and only before that: later it is nobody's concern.
   */
  async feed(request: RunMessage, stream: ByteStream): Promise<void> {
    const chunks = stream[Symbol.asyncIterator]();
    this.#letGo = async () => chunks.return?.();
    try {
      await this.#send("message", encodeMessage(request));
      this.#waiting = true;
      for await (const chunk of { [Symbol.asyncIterator]: () => chunks }) {
        this.#waiting = false;
        for (const payload of payloadsOf(chunk)) await this.#send("data", payload);
        if (this.#ended) return;
        this.#waiting = true;
      }
      this.#letGo = async () => {};
      this.end();
    } catch (error) {
      if (!this.#ended) throw error;
    } finally {
      this.#waiting = false;
    }
  }

  /** Tell the process that the document is over, and let go of what of it was not sent. */
  end(): void {
    // Not awaited: it may have to wait for a read on its way, and the process has no part in that.
    this.#letGo().catch(() => {});
    if (this.#ended) return;
    void this.#send("end", NOTHING);
    this.#ended = true;
  }

  async #send(kind: FrameKind, payload: Uint8Array): Promise<void> {
    if (this.#ended) return;
    try {
      // Both at once: no other frame may get between them.
      await Promise.all(frameBytes(kind, payload).map((bytes) => this.#process.write(bytes)));
    } catch {
      // The process is gone; why, its end will tell.
      this.#ended = true;
    }
  }
}
