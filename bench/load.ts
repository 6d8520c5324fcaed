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
  const hasBody = !request.subarray(0, 5).toString("latin1").startsWith("HEAD ");
  const expected = `HTTP/1.1 ${status} `;
  const latencies: number[] = [];
  let bytes = 0;
  const startedAt = performance.now();
  const endsAt = startedAt + how.seconds * 1000;
  const lane = async (): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let left = 0;
    let head = "";
    let sentAt = 0;
    const send = (): void => {
      sentAt = performance.now();
      if (sentAt >= endsAt) {
        socket.destroy();
        resolve();
      } else socket.write(request);
    };
    const take = (count: number, buffer: Uint8Array): void => {
      let body = count;
      if (left === 0) {
        head += (buffer as Buffer).toString("latin1", 0, count);
        const end = head.indexOf("\r\n\r\n");
        if (end === -1) return;
        if (!head.startsWith(expected)) {
          reject(new Error(`It answered ${head.slice(0, 600)}`));
          socket.destroy();
          return;
        }
        body = head.length - end - 4;
        left = hasBody && status !== 304 ? lengthIn(head) : 0;
        head = "";
      }
      left -= body;
      bytes += body;
      if (left > 0) return;
      latencies.push(performance.now() - sentAt);
      send();
    };
    const socket: Socket = connect({
      ...{ port, host: "127.0.0.1", noDelay: true },
      onread: {
        buffer: Buffer.allocUnsafe(256 * 1024),
        callback(count, buffer) {
          take(count, buffer);
          return true;
        },
      },
    });
    socket.once("connect", send);
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("It closed the connection")));
    await promise;
  };
  await Promise.all(Array.from({ length: how.connections }, lane));
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

/** Chunked bodies are not understood: no answer that is measured has one. */
function lengthIn(head: string): number {
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  if (length === undefined) throw new Error(`The response has no length: ${head.slice(0, 600)}`);
  return Number(length);
}
