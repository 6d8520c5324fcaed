import { Agent, type IncomingMessage, request } from "node:http";

/** One chunk of a body. Only the sniffer looks at its content. */
const CHUNK = Buffer.alloc(256 * 1024, "The quick brown fox jumps over the lazy dog. ");
const BOUNDARY = "----stowage-bench";

export interface Target {
  readonly url: string;
  readonly key?: string;
}

export interface Sending {
  readonly method: "PUT" | "POST";
  readonly path: string;
  readonly bytes: number;
}

/** A client that costs little: it shares the processors with the server it measures. */
export class BenchClient {
  readonly #target: Target;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(target: Target) {
    this.#target = target;
  }

  /** Send one body of `bytes`, as a form where the method is POST. @returns The `id` of the answer. */
  async send({ method, path, bytes }: Sending): Promise<string> {
    const form = method === "POST";
    const head = form
      ? `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="bench.bin"\r\nContent-Type: application/octet-stream\r\n\r\n`
      : "";
    const tail = form ? `\r\n--${BOUNDARY}--\r\n` : "";
    const outgoing = request(this.#target.url + path, {
      method,
      agent: this.#agent,
      headers: {
        ...this.#authorization(),
        "content-length": head.length + bytes + tail.length,
        "content-type": form
          ? `multipart/form-data; boundary=${BOUNDARY}`
          : "application/octet-stream",
      },
    });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.on("response", resolve).on("error", reject);
    });
    if (head !== "") outgoing.write(head);
    for (let left = bytes; left > 0; left -= CHUNK.length) {
      const chunk = left >= CHUNK.length ? CHUNK : CHUNK.subarray(0, left);
      if (!outgoing.write(chunk)) await new Promise((resolve) => outgoing.once("drain", resolve));
    }
    outgoing.end(tail);
    const answer = await answered;
    let text = "";
    for await (const part of answer) text += part;
    if (answer.statusCode !== 201)
      throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`);
    return (JSON.parse(text) as { id: string }).id;
  }

  /** Read an answer to its end. @returns How many bytes came. */
  async read(path: string): Promise<number> {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      request(this.#target.url + path, { agent: this.#agent, headers: this.#authorization() })
        .on("response", resolve)
        .on("error", reject)
        .end();
    });
    let bytes = 0;
    for await (const chunk of answer) bytes += (chunk as Buffer).length;
    if (answer.statusCode !== 200) throw new Error(`GET ${path}: ${answer.statusCode}`);
    return bytes;
  }

  close(): void {
    this.#agent.destroy();
  }

  #authorization(): Record<string, string> {
    return this.#target.key === undefined ? {} : { authorization: `Bearer ${this.#target.key}` };
  }
}
