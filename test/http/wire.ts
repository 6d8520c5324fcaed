import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { type Answer, readAnswers } from "./bad-input/answers.ts";

/**
 * A connection that sends what it is given, as no well-behaved client would. When the test is over, the
 * first answer that came whole is held against the document, if the first line of the request says to what it
 * is an answer.
 */
export class Wire {
  readonly socket: Socket;
  /** Everything that came back, one character a byte. */
  received = "";
  /** Resolves when the connection is over, in whatever way. */
  readonly closed: Promise<void>;
  /** What was sent first. */
  #sent = "";
  #onData: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    // A reset is one way to be over.
    socket.on("error", () => {});
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    socket.on("data", (chunk: Buffer) => {
      this.received += chunk.toString("latin1");
      this.#onData();
    });
    socket.once("end", () => {
      this.#onData();
      socket.end();
    });
    socket.once("close", () => this.#onData());
  }

  static async open(url: string): Promise<Wire> {
    const { hostname, port } = new URL(url);
    // Both sides end on their own: an answer may come after our end.
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    const wire = new Wire(socket);
    onTestFinished(() => wire.#hold());
    return wire;
  }

  /** Resolves when the kernel has taken it, or when the connection is gone. */
  async send(...pieces: readonly (string | Uint8Array)[]): Promise<void> {
    const [first = ""] = pieces;
    if (this.#sent === "") this.#sent = Buffer.from(first).toString("latin1");
    for (const piece of pieces) {
      await new Promise<void>((resolve) => this.socket.write(piece, () => resolve()));
    }
  }

  /** Wait until `pattern` has come. @throws If the connection ends before. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.received)) {
      if (this.socket.closed || this.socket.readableEnded) {
        throw new Error(`${pattern} did not come: ${this.received.slice(0, 500)}`);
      }
      await new Promise<void>((resolve) => {
        this.#onData = resolve;
      });
    }
    return this.received;
  }

  async #hold(): Promise<void> {
    const [, method, path] = /^([A-Z]+) (\/\S*) HTTP\/1\.1\r\n/.exec(this.#sent) ?? [];
    const answer = firstAnswer(this.received, method === "HEAD");
    if (method === undefined || path === undefined || answer === undefined) return;
    const { ownContract } = await import("../support/held-answers.ts");
    const { status, head, body } = answer;
    const lines = head.split("\r\n").slice(1);
    const headers = new Headers(
      lines.map((line): [string, string] => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon), line.slice(colon + 1).trim()];
      }),
    );
    const { pathname } = new URL(`http://stowage.test${path}`);
    const contract = await ownContract();
    contract.hold({ method, path: pathname }, { status, headers, body });
  }

  /** Go away without a word. */
  async reset(): Promise<void> {
    this.socket.resetAndDestroy();
    await this.closed;
  }
}

/** The first answer, if all of it came. */
function firstAnswer(received: string, bodyless: boolean): Answer | undefined {
  try {
    return readAnswers(received, bodyless)[0];
  } catch {
    return undefined;
  }
}

/** The head of a request: its first line and headers. */
export function head(line: string, headers: Readonly<Record<string, string | number>>): string {
  const lines = Object.entries({ Host: "stowage.test", ...headers });
  return `${line} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}
