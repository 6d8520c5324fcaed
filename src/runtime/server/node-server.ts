import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, DropArgument, Socket } from "node:net";
import { getRequestListener, type Http2Bindings, type HttpBindings } from "@hono/node-server";
import type { Config } from "../../config.ts";
import { StowageError } from "../../domain/errors.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import type { Stowage } from "../../stowage.ts";
import { findAmbiguity, type ParserError, Refusals } from "./refusals.ts";
import { RequestQueue } from "./request-queue.ts";
import { limitEnd, sendStream } from "./send-stream.ts";

/** Time limits of connections in milliseconds. Bodies have a minimum rate instead. */
export interface ConnectionTimes {
  /** For the head of a request, from the opening of the connection or its first byte. */
  readonly headersMs: number;
  /** Between two requests. */
  readonly idleMs: number;
  /** How often `headersMs` is checked. */
  readonly checkMs: number;
}

const TIMES: ConnectionTimes = {
  headersMs: 30_000,
  // Longer than the 60 s of nginx and of cloud load balancers. If Stowage closed first, a request could arrive on a
  // connection that is just being closed.
  idleMs: 65_000,
  checkMs: 5_000,
};

/** For requests of HTTP/1.0, which need not have a Host. */
const DEFAULT_HOST = "localhost";

/** Dropped connections are counted for this long before one log line reports them. */
const DROPS_LOGGED_AFTER_MS = 1_000;

export interface NodeServerDeps {
  readonly stowage: Stowage;
  readonly config: Config;
  readonly logger: Logger;
  /** For tests. */
  readonly times?: ConnectionTimes | undefined;
}

/** Node's HTTP server in front of the app. */
export class NodeServer {
  readonly #server: Server;
  readonly #deps: NodeServerDeps;
  readonly #refusals: Refusals;
  /** Connections without a request so far: browsers and agents open some in advance. */
  readonly #unused = new Set<Socket>();
  readonly #queues = new WeakMap<Socket, RequestQueue>();
  #open = 0;
  #dropped = 0;
  /** Whether each response is the last of its connection. */
  #draining = false;

  constructor(deps: NodeServerDeps) {
    this.#deps = Object.freeze({ ...deps });
    const { config, logger, times = TIMES } = deps;
    // Without a limit for a whole request: a large file on a slow line may take long.
    this.#server = createServer({
      requestTimeout: 0,
      headersTimeout: times.headersMs,
      keepAliveTimeout: times.idleMs,
      connectionsCheckingInterval: times.checkMs,
      // The listener refuses requests without a Host and explains why.
      requireHostHeader: false,
    });
    this.#server.maxConnections = config.server.maxConnections;
    this.#refusals = new Refusals(config.server.corsOrigins.length > 0, logger);
    this.#server.on("connection", this.#onConnection);
    this.#server.on("drop", this.#onDrop);
    this.#answerOn(this.#refusals);
  }

  /** How many connections are open, and how many may be. */
  get connections(): { readonly open: number; readonly limit: number } {
    return { open: this.#open, limit: this.#deps.config.server.maxConnections };
  }

  readonly #onConnection = (socket: Socket): void => {
    this.#open += 1;
    this.#unused.add(socket);
    this.#queues.set(socket, new RequestQueue(socket));
    socket.once("close", () => {
      this.#open -= 1;
      this.#unused.delete(socket);
    });
  };

  /** Node has closed the connection without a response. */
  readonly #onDrop = (_connection?: DropArgument): void => {
    this.#dropped += 1;
    if (this.#dropped > 1) return;
    setTimeout(() => {
      const { limit } = this.connections;
      this.#deps.logger.warn("server.connections_dropped", { count: this.#dropped, limit });
      this.#dropped = 0;
    }, DROPS_LOGGED_AFTER_MS).unref();
  };

  #answerOn(refusals: Refusals): void {
    // The error handler receives only the error, and runs before the listener returns.
    let current: IncomingMessage | null = null;
    const listener = getRequestListener(this.#answer, {
      hostname: DEFAULT_HOST,
      errorHandler: (error) =>
        refusals.unreadable("its target or its Host header is invalid", current, error),
    });
    const handle = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
      current = incoming;
      try {
        void listener(incoming, outgoing);
      } finally {
        current = null;
      }
    };
    const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
      this.#unused.delete(incoming.socket);
      this.#queues.get(incoming.socket)?.enter(incoming, outgoing, handle);
    };
    this.#server.on("request", onRequest);
    // RFC 9110, 10.1.1: the first read asks for the body (see incomingBody), so a request that is refused because of
    // its token, type or length never sends it.
    this.#server.on("checkContinue", onRequest);
    this.#server.on("checkExpectation", (incoming, outgoing) => {
      this.#queues.get(incoming.socket)?.enter(incoming, outgoing, refusals.expectation);
    });
    this.#server.on("connect", (incoming, socket) => {
      // Node no longer listens for errors of this socket: an unhandled one would end the process.
      socket.on("error", () => {});
      this.#queues.get(socket as Socket)?.refuseRest(() => refusals.tunnel(incoming, socket));
    });
    this.#server.on("clientError", (error: ParserError, duplex) => {
      const socket = duplex as Socket;
      const queue = this.#queues.get(socket);
      if (queue === undefined || error.code === "ECONNRESET" || !socket.writable) socket.destroy();
      // This is the head of the next request, which is not read while another one is in progress.
      else if (error.code === "ERR_HTTP_REQUEST_TIMEOUT" && queue.isBusy) return;
      else queue.refuseRest(() => refusals.parsing(error, socket));
    });
  }

  /** @returns The URL of the server. @throws {StowageError} `invalid_config` if it cannot listen there. */
  async listen(): Promise<string> {
    const { host, port } = this.#deps.config.server;
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (error) => reject(cannotListen(error, host, port)));
      this.#server.listen(port, host, resolve);
    });
    const address = this.#server.address() as AddressInfo;
    const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
    return `http://${name}:${address.port}`;
  }

  /** Make each response the last of its connection, so that clients go elsewhere. */
  drain(): void {
    this.#draining = true;
  }

  /** Accept no more connections, let running requests finish, and cut those that take longer than `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.drain();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    // Node does not count connections without a request as idle.
    for (const socket of this.#unused) if (socket.bytesRead === 0) socket.destroy();
    const cut = setTimeout(() => {
      this.#deps.logger.warn("server.grace_over");
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
    const { minTransferBytesPerSecond } = this.#deps.config.server;
    limitEnd(outgoing, minTransferBytesPerSecond);
    const incoming = env.incoming as IncomingMessage;
    const ambiguity = findAmbiguity(incoming);
    if (ambiguity !== null) {
      outgoing.shouldKeepAlive = false;
      return this.#refusals.unreadable(ambiguity, incoming);
    }
    const response = await this.#deps.stowage.fetch(request, env);
    // A connection kept open for the next request would delay the stop.
    if (this.#draining) outgoing.shouldKeepAlive = false;
    // Only files and results support ranges; sendStream sends them.
    if (!response.headers.has("accept-ranges") || response.body === null) return response;
    // If the stop began in the meantime, the connection would stay open for another request.
    outgoing.once("close", () => {
      if (this.#draining) this.#server.closeIdleConnections();
    });
    return await sendStream(response, outgoing, this.#deps.logger, minTransferBytesPerSecond);
  };
}

function cannotListen(error: Error, host: string, port: number): StowageError {
  const { code = "unknown" } = error as NodeJS.ErrnoException;
  const reasons: Record<string, string> = {
    EADDRINUSE: "another program uses this port (choose another PORT)",
    EACCES: "permission denied (choose a PORT above 1023)",
    EADDRNOTAVAIL: "this machine has no such address (correct HOST)",
  };
  return new StowageError(
    "invalid_config",
    `Cannot listen on ${host}:${port}: ${reasons[code] ?? code}`,
    { cause: error },
  );
}
