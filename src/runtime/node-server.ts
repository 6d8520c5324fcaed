import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { Config } from "../config.ts";
import { StowageError } from "../domain/errors.ts";
import type { Logger } from "../domain/ports/logger.ts";
import { MAX_FORM_OVERHEAD_BYTES } from "../http/multipart.ts";
import type { Stowage } from "../stowage.ts";
import { sendStream } from "./node-response.ts";

/** Headers arrive within this time, or the connection is closed. Bodies have their own minimum rate. */
const HEADERS_TIMEOUT_MS = 30_000;

/** Node's HTTP server in front of the app. */
export class NodeServer {
  readonly #server: Server;
  readonly #stowage: Stowage;
  readonly #config: Config;
  readonly #logger: Logger;

  constructor(stowage: Stowage, config: Config, logger: Logger) {
    this.#stowage = stowage;
    this.#config = config;
    this.#logger = logger;
    // No limit on a request as a whole: a large file over a thin line takes its time.
    this.#server = createServer({ requestTimeout: 0, headersTimeout: HEADERS_TIMEOUT_MS });
    const listener = getRequestListener(this.#answer);
    this.#server.on("request", listener);
    this.#server.on("checkContinue", (incoming: IncomingMessage, outgoing: ServerResponse) => {
      // RFC 9110, 10.1.1: a body that will be refused for its length is not asked for.
      const announced = Number(incoming.headers["content-length"] ?? 0);
      if (announced <= config.uploads.maxBytes + MAX_FORM_OVERHEAD_BYTES) outgoing.writeContinue();
      void listener(incoming, outgoing);
    });
    this.#server.on("clientError", refuse);
  }

  /** @returns The address listened on. @throws {StowageError} `invalid_config` if it cannot be. */
  async listen(): Promise<string> {
    const { host, port } = this.#config.server;
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (error) => reject(cannotListen(error, host, port)));
      this.#server.listen(port, host, resolve);
    });
    const address = this.#server.address() as AddressInfo;
    const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
    return `http://${name}:${address.port}`;
  }

  /** Take no new connections, let requests under way finish, and cut those that do not within `graceMs`. */
  async close(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const cut = setTimeout(() => {
      this.#logger.warn("server.grace_over");
      this.#server.closeAllConnections();
    }, graceMs);
    await closed;
    clearTimeout(cut);
  }

  readonly #answer = async (
    request: Request,
    env: { readonly outgoing: unknown },
  ): Promise<Response> => {
    const response = await this.#stowage.fetch(request, env);
    // Files go out our own way; see sendStream.
    if (!response.headers.has("accept-ranges") || response.body === null) return response;
    return await sendStream(response, env.outgoing as ServerResponse, this.#logger);
  };
}

function cannotListen(error: Error, host: string, port: number): StowageError {
  const { code = "unknown" } = error as NodeJS.ErrnoException;
  const reasons: Record<string, string> = {
    EADDRINUSE: "another program listens there (choose another PORT)",
    EACCES: "it takes more rights (choose a PORT above 1023)",
    EADDRNOTAVAIL: "this machine has no such address (correct HOST)",
  };
  return new StowageError(
    "invalid_config",
    `Cannot listen on ${host}:${port}: ${reasons[code] ?? code}`,
    { cause: error },
  );
}

/** What is no HTTP gets an answer all the same, in the form that every error here has. */
function refuse(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, title] =
    error.code === "HPE_HEADER_OVERFLOW"
      ? [431, "Request Header Fields Too Large"]
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? [408, "Request Timeout"]
        : [400, "Bad Request"];
  const code = status === 408 ? "request_timeout" : "invalid_request";
  const body = JSON.stringify({ type: "about:blank", title, status, code });
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\nConnection: close\r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
