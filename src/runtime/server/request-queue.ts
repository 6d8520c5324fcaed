import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

/**
 * Requests of one connection that may wait behind the current one. Clients that pipeline send a few; one that sends
 * more than this gets answers to these and a closed connection, and must send the rest again.
 */
const MAX_WAITING = 32;

/** How long the client has to read the last response and close the connection itself. */
const LINGER_MS = 1_000;

/** Makes Node's parser skip the rest of the current read: the return value for an upgrade. */
const STOP_PARSING = 2;

type Handler = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly handle: Handler;
}

/** The part of Node's parser that is used here. */
interface Parser {
  onIncoming?: (incoming: IncomingMessage, keepAlive: boolean) => number;
}

/**
 * The requests of one connection: one is handled at a time; a limited number, and a limited number of bytes, wait.
 *
 * Node emits all requests of one read (64 KiB) at once and goes on reading. Here reading stops while a request waits,
 * and the parser stops at the first request above the limit: those before it are answered, the last of them with
 * `Connection: close`. The client may send the others again on a new connection.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-9.3.2
 */
export class RequestQueue {
  readonly #socket: Socket;
  #current: ServerResponse | null = null;
  /** The response to the latest request that was started. */
  #latest: ServerResponse | null = null;
  readonly #waiting: Exchange[] = [];
  #refuse: (() => void) | null = null;
  #overflowed = false;
  #pausing = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    const parser = (socket as { parser?: Parser | null }).parser;
    const accept = parser?.onIncoming;
    // Without this parser (another runtime, a later Node) only the size of one read limits what waits.
    if (!parser || !accept) return;
    parser.onIncoming = (incoming, keepAlive) => {
      if (!this.#overflowed && this.#waiting.length < MAX_WAITING) {
        return accept(incoming, keepAlive);
      }
      this.#overflow();
      return STOP_PARSING;
    };
  }

  /** Whether a request is being handled. */
  get isBusy(): boolean {
    return this.#current !== null;
  }

  /** Handle a request now, or once those before it are answered. */
  enter(incoming: IncomingMessage, outgoing: ServerResponse, handle: Handler): void {
    const exchange = { incoming, outgoing, handle };
    if (this.#current === null) {
      this.#start(exchange);
      return;
    }
    this.#waiting.push(exchange);
    this.#pauseSoon();
  }

  /**
   * The rest of this connection cannot be read: once the requests before are answered, `refuse` runs and ends the
   * connection.
   */
  refuseRest(refuse: () => void): void {
    if (this.#overflowed || this.#refuse !== null) return;
    // The last request has a broken body: the refusal answers it.
    if (this.#waiting.at(-1)?.incoming.complete === false) this.#waiting.pop();
    this.#refuse = refuse;
    if (this.#current === null || !this.#current.req.complete) this.#end();
  }

  #start({ incoming, outgoing, handle }: Exchange): void {
    this.#current = outgoing;
    this.#latest = outgoing;
    outgoing.once("close", this.#next);
    handle(incoming, outgoing);
  }

  readonly #next = (): void => {
    this.#current = null;
    if (this.#socket.destroyed) this.#waiting.length = 0;
    const exchange = this.#waiting.shift();
    const wantsMore = this.#waiting.length === 0 && !this.#overflowed;
    if (wantsMore && this.#socket.isPaused()) this.#socket.resume();
    if (exchange !== undefined) this.#start(exchange);
    else if (this.#refuse !== null) this.#end();
  };

  #end(): void {
    // The broken body belongs to a request that is answered already: the client would take a second response for the
    // next request's.
    const isAnswered = this.#latest?.headersSent === true && !this.#latest.req.complete;
    if (isAnswered || this.#socket.destroyed) this.#socket.destroy();
    else this.#refuse?.();
  }

  #overflow(): void {
    this.#pauseSoon();
    if (this.#overflowed) return;
    this.#overflowed = true;
    // Node closes right after the last response. With unread input that is a reset, which can destroy the response.
    this.#socket.destroySoon = () => endSlowly(this.#socket);
    const last = this.#waiting.at(-1);
    if (last !== undefined) last.outgoing.shouldKeepAlive = false;
  }

  /** Pause on the next tick, because Node resumes the connection after each request that it parses. */
  #pauseSoon(): void {
    if (this.#pausing) return;
    this.#pausing = true;
    process.nextTick(() => {
      this.#pausing = false;
      if (this.#overflowed || this.#waiting.length > 0) this.#socket.pause();
    });
  }
}

/**
 * Send `last` and end the connection, but not at once: with unread input the end would be a reset, which can destroy
 * the response while the client is still sending.
 */
export function endSlowly(socket: Duplex, last?: string): void {
  const destroy = () => socket.destroy();
  socket.end(last, () => setTimeout(destroy, LINGER_MS).unref());
}
