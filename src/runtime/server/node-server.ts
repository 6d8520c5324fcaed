import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { getRequestListener, type Http2Bindings, type HttpBindings } from "@hono/node-server";
import type { Config } from "../../config.ts";
import { StowageError } from "../../domain/errors.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import type { Stowage } from "../../stowage.ts";
import { findAmbiguity, Refusals } from "./refusals.ts";
import { limitEnd, sendStream } from "./send-stream.ts";

/** How long connections may take over what is no body, in milliseconds; bodies have their minimum rate. */
export interface ConnectionTimes {
  /** For the head of a request, from the opening of the connection or the first byte on. */
  readonly headersMs: number;
  /** Between two requests. */
  readonly idleMs: number;
  /** How often the first is looked at. */
  readonly checkMs: number;
}

const TIMES: ConnectionTimes = {
  headersMs: 30_000,
  // Longer than the 60 s of nginx and the load balancers of clouds: whichever closes first must be they, or a
  // request meets a connection that is just being closed.
  idleMs: 65_000,
  checkMs: 5_000,
};

/** Node's HTTP server in front of the app. */
export class NodeServer {
  readonly #server: Server;
  readonly #stowage: Stowage;
  readonly #config: Config;
  readonly #logger: Logger;
  readonly #refusals: Refusals;
  /** Connections without a request so far: browsers and agents open some for later. */
  readonly #unused = new Set<Socket>();
  #stopping = false;

  constructor(stowage: Stowage, config: Config, logger: Logger, times = TIMES) {
    this.#stowage = stowage;
    this.#config = config;
    this.#logger = logger;
    // No limit on a request as a whole: a large file over a thin line takes its time.
    this.#server = createServer({
      requestTimeout: 0,
      headersTimeout: times.headersMs,
      keepAliveTimeout: times.idleMs,
      connectionsCheckingInterval: times.checkMs,
      // A request without a Host is refused by the listener, which says why.
      requireHostHeader: false,
    });
    this.#refusals = new Refusals(config.server.corsOrigins.length > 0, logger);
    this.#answerOn(this.#refusals);
    this.#server.on("connection", (socket) => {
      this.#unused.add(socket);
      socket.once("close", () => this.#unused.delete(socket));
    });
  }

  #answerOn(refusals: Refusals): void {
    // The error handler is told the error alone, while the listener has not yet returned.
    let current: IncomingMessage | null = null;
    const listener = getRequestListener(this.#answer, {
      errorHandler: (error) =>
        refusals.unreadable("its target or its Host header is wrong", current, error),
    });
    const latest = new WeakMap<Duplex, ServerResponse>();
    const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse) => {
      this.#unused.delete(incoming.socket);
      latest.set(incoming.socket, outgoing);
      current = incoming;
      try {
        return listener(incoming, outgoing);
      } finally {
        current = null;
      }
    };
    this.#server.on("request", onRequest);
    // RFC 9110, 10.1.1: a body is asked for when somebody reads it (see incomingBody), so never when the
    // request is refused for its token, its type or its length.
    this.#server.on("checkContinue", onRequest);
    this.#server.on("checkExpectation", refusals.expectation);
    this.#server.on("connect", refusals.tunnel);
    this.#server.on("clientError", (error, socket) =>
      refusals.parsing(error, socket, latest.get(socket)),
    );
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
    this.#stopping = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    // Which Node does not count as idle.
    for (const socket of this.#unused) if (socket.bytesRead === 0) socket.destroy();
    const cut = setTimeout(() => {
      this.#logger.warn("server.grace_over");
      this.#server.closeAllConnections();
    }, graceMs);
    await closed;
    clearTimeout(cut);
  }

  readonly #answer = async (
    request: Request,
    env: HttpBindings | Http2Bindings,
  ): Promise<Response> => {
    const outgoing = env.outgoing as ServerResponse;
    const { minTransferBytesPerSecond } = this.#config.server;
    limitEnd(outgoing, minTransferBytesPerSecond);
    const incoming = env.incoming as IncomingMessage;
    const ambiguity = findAmbiguity(incoming);
    if (ambiguity !== null) {
      outgoing.shouldKeepAlive = false;
      return this.#refusals.unreadable(ambiguity, incoming);
    }
    const response = await this.#stowage.fetch(request, env);
    // A connection that is kept for the next request would hold up the stop.
    if (this.#stopping) outgoing.shouldKeepAlive = false;
    // Streams go out our own way; see sendStream. Files and results are what tells of ranges.
    if (!response.headers.has("accept-ranges") || response.body === null) return response;
    // Its connection is kept for the next request, too, if the stop has come in the meantime.
    outgoing.once("close", () => {
      if (this.#stopping) this.#server.closeIdleConnections();
    });
    return await sendStream(response, outgoing, this.#logger, minTransferBytesPerSecond);
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
