import { connect, type Socket } from "node:net";

/** Many times the same request, on connections that are kept. */
export interface Load {
  readonly port: number;
  /** The request as it goes over the wire, body and all. */
  readonly request: Buffer;
  readonly status: number;
  readonly connections: number;
  readonly seconds: number;
}

export interface Outcome {
  readonly requestsPerSecond: number;
  /** Of bodies. */
  readonly mibPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** An HTTP request in bytes. */
export function requestOf(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body: Uint8Array = new Uint8Array(),
): Buffer {
  const length = body.length === 0 ? {} : { "Content-Length": String(body.length) };
  const lines = Object.entries({ Host: "127.0.0.1", ...headers, ...length });
  const head = [`${method} ${path} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`)];
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]);
}

/**
 * Send a request over and over, the next one on a connection as soon as the answer is whole.
 *
 * It shares the machine with what it measures, so it does next to nothing: bare sockets, one buffer each, no
 * parsing but of the status and the length. What it can do at most shows beside a server that does nothing.
 */
export async function load({ port, request, status, ...how }: Load): Promise<Outcome> {
  const latencies: number[] = [];
  const startedAt = performance.now();
  const endsAt = startedAt + how.seconds * 1000;
  const plan: Plan = {
    port,
    request,
    status,
    endsAt,
    hasBody: status !== 304 && !request.subarray(0, 5).toString("latin1").startsWith("HEAD "),
    took: (ms) => latencies.push(ms),
  };
  const lanes = Array.from({ length: how.connections }, () => new Lane(plan));
  await Promise.all(lanes.map((lane) => lane.ended));
  const bytes = lanes.reduce((sum, lane) => sum + lane.bytes, 0);
  const seconds = (performance.now() - startedAt) / 1000;
  const sorted = Float64Array.from(latencies).sort();
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? 0;
  return {
    requestsPerSecond: sorted.length / seconds,
    mibPerSecond: bytes / 2 ** 20 / seconds,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
}

interface Plan extends Pick<Load, "port" | "request" | "status"> {
  readonly endsAt: number;
  readonly hasBody: boolean;
  took(ms: number): void;
}

/** One connection. */
class Lane {
  readonly ended: Promise<void>;
  bytes = 0;
  readonly #plan: Plan;
  readonly #expected: string;
  readonly #socket: Socket;
  readonly #end = Promise.withResolvers<void>();
  #left = 0;
  #head = "";
  #sentAt = 0;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#expected = `HTTP/1.1 ${plan.status} `;
    this.ended = this.#end.promise;
    this.#socket = connect({
      port: plan.port,
      host: "127.0.0.1",
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafe(256 * 1024),
        callback: (count, buffer) => {
          this.#take(count, buffer);
          return true;
        },
      },
    });
    this.#socket.once("connect", () => this.#send());
    this.#socket.once("error", this.#end.reject);
    this.#socket.once("close", () => this.#end.reject(new Error("It closed the connection")));
  }

  #send(): void {
    this.#sentAt = performance.now();
    if (this.#sentAt < this.#plan.endsAt) {
      this.#socket.write(this.#plan.request);
      return;
    }
    this.#socket.destroy();
    this.#end.resolve();
  }

  #take(count: number, buffer: Uint8Array): void {
    const body = this.#left > 0 ? count : this.#readHead(count, buffer);
    if (body === null) return;
    this.#left -= body;
    this.bytes += body;
    if (this.#left > 0) return;
    this.#plan.took(performance.now() - this.#sentAt);
    this.#send();
  }

  /** @returns How many bytes of the body follow the head; `null` if the head is not whole, or wrong. */
  #readHead(count: number, buffer: Uint8Array): number | null {
    this.#head += (buffer as Buffer).toString("latin1", 0, count);
    const head = this.#head;
    const end = head.indexOf("\r\n\r\n");
    if (end === -1) return null;
    if (!head.startsWith(this.#expected)) {
      this.#end.reject(new Error(`It answered ${head.slice(0, 600)}`));
      this.#socket.destroy();
      return null;
    }
    this.#left = this.#plan.hasBody ? lengthIn(head) : 0;
    this.#head = "";
    return head.length - end - 4;
  }
}

/** Chunked bodies are not understood: no answer that is measured has one. */
function lengthIn(head: string): number {
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  if (length === undefined) throw new Error(`The response has no length: ${head.slice(0, 600)}`);
  return Number(length);
}
