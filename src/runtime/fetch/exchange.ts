import type { Dispatcher } from "undici";
import type { OutgoingBody } from "./outgoing-body.ts";

/** How much of a response may be buffered before the connection is paused. */
const READ_AHEAD = new ByteLengthQueuingStrategy({ highWaterMark: 256 * 1024 });
/** https://fetch.spec.whatwg.org/#null-body-status */
const STATUSES_WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);
/** https://datatracker.ietf.org/doc/html/rfc9112#section-4 */
const REASON_PHRASE = /^[\t\x20-\x7e\x80-\xff]*$/;

export interface OutgoingRequest {
  readonly url: URL;
  /** In upper case. */
  readonly method: string;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly body: OutgoingBody;
  readonly signal: AbortSignal | undefined;
}

/** The error of `fetch` when there is no response. */
export function fetchFailed(cause: unknown): TypeError {
  return new TypeError("fetch failed", { cause });
}

/** Send one request and wait for the head of its response. */
export async function send(dispatcher: Dispatcher, request: OutgoingRequest): Promise<Response> {
  const { url, method, headers, body, signal } = request;
  if (signal?.aborted) {
    body.cancel(signal.reason);
    throw signal.reason;
  }
  const exchange = new Exchange(request);
  dispatcher.dispatch(
    {
      origin: url.origin,
      path: url.pathname + url.search,
      method,
      headers,
      // Undici accepts any iterable, but its types do not allow it.
      body: body.payload as Uint8Array | null,
      // Undici would close the connection after each HEAD, in case the server sends a body.
      ...(method === "HEAD" ? { reset: false } : {}),
    },
    exchange,
  );
  return await exchange.response;
}

/** One request, from when it is sent until the last byte of its response has arrived. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly response: Promise<Response>;
  readonly #request: OutgoingRequest;
  readonly #resolve: (response: Response) => void;
  readonly #reject: (reason: unknown) => void;
  /** Controls the connection, once there is one. */
  #controller: Dispatcher.DispatchController | null = null;
  #reader: ReadableStreamDefaultController<Uint8Array> | null = null;
  #over = false;

  constructor(request: OutgoingRequest) {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    this.response = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#request = request;
    request.signal?.addEventListener("abort", this.#onAbort);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#over) controller.abort(new Error("Cannot send request: it was aborted"));
    else this.#controller = controller;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
    statusText = "",
  ): void {
    if (status < 200) return;
    const empty = this.#request.method === "HEAD" || STATUSES_WITHOUT_BODY.has(status);
    const response = new Response(empty ? null : this.#body(), {
      status,
      headers: toHeaders(headers),
      statusText: REASON_PHRASE.test(statusText) ? statusText : "",
    });
    Object.defineProperty(response, "url", { value: this.#request.url.href });
    this.#resolve(response);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#reader === null) return;
    // Not a Buffer: its slice() differs from that of a Uint8Array.
    this.#reader.enqueue(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    if ((this.#reader.desiredSize ?? 0) <= 0) controller.pause();
  }

  onResponseEnd(): void {
    this.#finish("the server has responded");
    this.#reader?.close();
  }

  onResponseError(_controller: Dispatcher.DispatchController, cause: Error): void {
    if (this.#over) return;
    this.#finish(cause);
    this.#reject(fetchFailed(cause));
    this.#reader?.error(new TypeError("terminated", { cause }));
  }

  readonly #onAbort = (): void => {
    const { reason } = this.#request.signal as AbortSignal;
    this.#finish(reason);
    this.#reject(reason);
    this.#reader?.error(reason);
    this.#drop();
  };

  #body(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        start: (reader) => {
          this.#reader = reader;
        },
        pull: () => this.#controller?.resume(),
        cancel: (reason) => {
          if (this.#over) return;
          this.#finish(reason);
          this.#drop();
        },
      },
      READ_AHEAD,
    );
  }

  /** The response is no longer wanted: end the connection, which cannot be reused in the middle of a response. */
  #drop(): void {
    this.#controller?.abort(new Error("Cannot read response: it was cancelled"));
  }

  #finish(reason: unknown): void {
    this.#over = true;
    this.#request.signal?.removeEventListener("abort", this.#onAbort);
    this.#request.body.cancel(reason);
  }
}

function toHeaders(from: Record<string, string | string[] | undefined>): Headers {
  const headers = new Headers();
  for (const name in from) {
    const value = from[name];
    if (typeof value === "string") headers.append(name, value);
    else for (const one of value ?? []) headers.append(name, one);
  }
  return headers;
}
