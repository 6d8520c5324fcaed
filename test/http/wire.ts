import { connect, type Socket } from "node:net";

/** A connection that sends whatever it is told to, as no well-behaved client would. */
export class Wire {
  readonly socket: Socket;
  /** Everything that came back, one character a byte. */
  received = "";
  /** Resolves when the connection is over, in whatever way. */
  readonly closed: Promise<void>;
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
    return new Wire(socket);
  }

  /** Resolves when the kernel has taken it, or when the connection is gone. */
  async send(...pieces: readonly (string | Uint8Array)[]): Promise<void> {
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

  /** Go away without a word. */
  async reset(): Promise<void> {
    this.socket.resetAndDestroy();
    await this.closed;
  }
}

/** The head of a request: its first line and headers. */
export function head(line: string, headers: Readonly<Record<string, string | number>>): string {
  const lines = Object.entries({ Host: "stowage.test", ...headers });
  return `${line} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}
