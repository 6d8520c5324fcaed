import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

/**
 * Requests of one connection that may wait behind the one in work. Clients that pipeline send a handful; one that
 * sends more than this ahead gets the answers to these and a closed connection, and sends the rest again.
 */
const MAX_WAITING = 32;

/** How long the other side has to read the last answer and close the connection itself. */
const LINGER_MS = 1_000;

/** What Node's parser understands as "parse nothing more of this read": the answer to an upgrade. */
const STOP_PARSING = 2;

type Handler = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly handle: Handler;
}

/** Node's parser of a connection, as far as it is used here. */
interface Parser {
  onIncoming?: (incoming: IncomingMessage, keepAlive: boolean) => number;
}

/**
 * The requests of one connection: one is in work, those behind it wait, in number and bytes bounded.
 *
 * Node emits every request that one read of 64 KiB has held, at once, and reads on. Here reading stops while a
 * request waits, and the parser stops at the first request too many: those before it are answered, the last of them
 * with `Connection: close`. A client may send the others again on a new connection.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-9.3.2
 */
export class RequestQueue {
  readonly #socket: Socket;
  #current: ServerResponse | null = null;
  /** The one that was begun last, in work or answered. */
  #latest: ServerResponse | null = null;
  readonly #waiting: Exchange[] = [];
  #refuse: (() => void) | null = null;
  #overflowed = false;
  #pausing = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    const parser = (socket as { parser?: Parser | null }).parser;
    const accept = parser?.onIncoming;
    // Without it (another runtime, a later Node) the number that waits is bounded by what one read holds.
    if (!parser || !accept) return;
    parser.onIncoming = (incoming, keepAlive) => {
      if (!this.#overflowed && this.#waiting.length < MAX_WAITING) {
        return accept(incoming, keepAlive);
      }
      this.#overflow();
      return STOP_PARSING;
    };
  }

  /** Whether a request is in work. */
  get isBusy(): boolean {
    return this.#current !== null;
  }

  /** Handle a request now, or as soon as those before it are answered. */
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
   * What comes next on this connection cannot be read: `refuse` runs once the requests before it are answered,
   * and ends the connection.
   */
  refuseRest(refuse: () => void): void {
    if (this.#overflowed || this.#refuse !== null) return;
    // The request whose body is broken: the refusal is its answer.
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
    // It is the body of a request that has its answer: a second one would be taken for the next request's.
    const isAnswered = this.#latest?.headersSent === true && !this.#latest.req.complete;
    if (isAnswered || this.#socket.destroyed) this.#socket.destroy();
    else this.#refuse?.();
  }

  #overflow(): void {
    this.#pauseSoon();
    if (this.#overflowed) return;
    this.#overflowed = true;
    // Node closes at once behind the last answer. Input is unread: the reset would take the answer with it.
    this.#socket.destroySoon = () => endSlowly(this.#socket);
    const last = this.#waiting.at(-1);
    if (last !== undefined) last.outgoing.shouldKeepAlive = false;
  }

  /** Node resumes the connection at the end of each request that it has parsed: it is stopped after that. */
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
 * End a connection after `last`, but not at once: input that is unread would turn the end into a reset, which can
 * take the answer from a client that is still sending.
 */
export function endSlowly(socket: Duplex, last?: string): void {
  const destroy = () => socket.destroy();
  socket.end(last, () => setTimeout(destroy, LINGER_MS).unref());
}
