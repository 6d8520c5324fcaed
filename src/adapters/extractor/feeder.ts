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

/** Sends one document to a process, as fast as the process reads. */
export class Feeder {
  readonly #process: HostProcess;
  #waiting = false;
  #ended = false;
  #release: () => Promise<unknown> = async () => {};

  constructor(process: HostProcess) {
    this.#process = process;
  }

  /** Whether it waits for the stream, so that the process may be waiting too. */
  get waiting(): boolean {
    return this.#waiting;
  }

  /**
   * Send the request and the document. Ends early after {@link Feeder.end} or when the process is gone.
   *
   * @throws Only what `stream` throws, and only before the feeder has ended.
   */
  async feed(request: RunMessage, stream: ByteStream): Promise<void> {
    const chunks = stream[Symbol.asyncIterator]();
    this.#release = async () => chunks.return?.();
    try {
      await this.#send("message", encodeMessage(request));
      this.#waiting = true;
      for await (const chunk of { [Symbol.asyncIterator]: () => chunks }) {
        this.#waiting = false;
        for (const payload of payloadsOf(chunk)) await this.#send("data", payload);
        if (this.#ended) return;
        this.#waiting = true;
      }
      this.#release = async () => {};
      this.end();
    } catch (error) {
      if (!this.#ended) throw error;
    } finally {
      this.#waiting = false;
    }
  }

  /** Signal the end of the document, and release what was not sent. */
  end(): void {
    // Not awaited: it may wait for a pending read, which does not concern the process.
    this.#release().catch(() => {});
    if (this.#ended) return;
    void this.#send("end", NOTHING);
    this.#ended = true;
  }

  async #send(kind: FrameKind, payload: Uint8Array): Promise<void> {
    if (this.#ended) return;
    try {
      // Both at once, so that no other frame gets between them.
      await Promise.all(frameBytes(kind, payload).map((bytes) => this.#process.write(bytes)));
    } catch {
      // The process is gone. Its exit gives the reason.
      this.#ended = true;
    }
  }
}
