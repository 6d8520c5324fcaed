import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { type ClientOptions, createClient } from "../../src/client.ts";
import { loadConfig } from "../../src/config.ts";
import { serve } from "../../src/runtime/node.ts";

/** The service on a port of its own, and a client with its key. */
export async function served(
  options: Partial<ClientOptions> = {},
  env: Readonly<Record<string, string>> = {},
) {
  let welcome = "";
  const config = loadConfig({
    FILE_STORAGE_TYPE: "memory",
    DATABASE_URL: "sqlite::memory:",
    PORT: "0",
    LOG_LEVEL: "error",
    ...env,
  });
  const server = await serve(config, {
    out(text) {
      welcome += text;
    },
    err: () => {},
    isTerminal: false,
  });
  onTestFinished(() => server.close());
  const token = /stw_\S+/.exec(welcome)?.[0] ?? "";
  return {
    url: server.url,
    token,
    client: createClient({ baseUrl: server.url, token, ...options }),
  };
}

/** What someone else's server answers: one handler for each request in turn, the last one for all that follow. */
export async function answering(
  ...handlers: ((request: IncomingMessage, response: ServerResponse) => void)[]
) {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    const handle = handlers[Math.min(requests.length, handlers.length - 1)];
    requests.push(request);
    handle?.(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

/** A handler that answers with a problem. */
export function problem(status: number, code: string, headers: Record<string, string> = {}) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    request.resume();
    response.writeHead(status, { "Content-Type": "application/problem+json", ...headers });
    response.end(
      JSON.stringify({ type: "about:blank", status, code, detail: "No", request_id: "r" }),
    );
  };
}

/** A handler that answers with JSON. */
export function json(status: number, value: unknown) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    // Only once the whole request is there, as the service answers uploads.
    request.resume().once("end", () => {
      response.writeHead(status, { "Content-Type": "application/json" });
      response.end(JSON.stringify(value));
    });
  };
}

/** A handler that breaks the connection. */
export function breakOff(request: IncomingMessage): void {
  request.resume();
  request.socket.destroy();
}
