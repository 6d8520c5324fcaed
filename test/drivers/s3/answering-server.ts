import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** A request as it arrived. */
export interface Received {
  readonly method: string;
  /** The raw target: path and query as they were on the wire. */
  readonly target: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Uint8Array;
}

/** One answer of a script. */
export interface Scripted {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Takes over: nothing else is sent. */
  readonly act?: (response: ServerResponse, request: IncomingMessage) => void;
}

export interface AnsweringServer {
  /** `http://127.0.0.1:{port}` */
  readonly endpoint: string;
  /** All requests, in order. */
  readonly received: readonly Received[];
  readonly server: Server;
}

/**
 * A server on a port of its own that answers from a script; the last line is said for ever. It ends with
 * the test that started it.
 */
export async function startAnswering(
  ...script: readonly (Scripted | ((request: Received) => Scripted))[]
): Promise<AnsweringServer> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Uint8Array[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Uint8Array);
    } catch {
      return;
    }
    const { method = "", url: target = "", headers } = request;
    const seen: Received = { method, target, headers, body: Buffer.concat(chunks) };
    received.push(seen);
    const line = script[Math.min(received.length, script.length) - 1] ?? {};
    const answer = typeof line === "function" ? line(seen) : line;
    if (answer.act !== undefined) return answer.act(response, request);
    const body = Buffer.from(answer.body ?? "");
    response.writeHead(answer.status ?? 200, {
      "content-length": body.byteLength,
      ...answer.headers,
    });
    response.end(method === "HEAD" ? undefined : body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve()));
  });
  const { port } = server.address() as AddressInfo;
  return { endpoint: `http://127.0.0.1:${port}`, received, server };
}

/** An error as S3 words it. */
export function s3Error(code: string, extra = ""): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>No</Message>${extra}<RequestId>4442587FB7D0A2F9</RequestId></Error>`;
}
