import { abortedError, type DriverContext, throwIfAborted } from "../../../src/driver.ts";
import { bodyMs, type S3Timeouts } from "./client-options.ts";
import { type Attempt, AttemptError } from "./failure.ts";
import { networkFailure, timeoutFailure } from "./network-failures.ts";
import type { S3Response } from "./protocol.ts";
import type { SignedRequest } from "./signing.ts";

/** They process thousands of objects or parts before they respond. */
const SLOW_ACTIONS: ReadonlySet<string> = new Set([
  "CompleteMultipartUpload",
  "CopyObject",
  "UploadPartCopy",
  "DeleteObjects",
]);
const SLOW_FACTOR = 4;

/**
 * One request and its response, with timeouts and the caller's signal.
 *
 * It is itself the listener and the source of the body, and owns one timer. A call therefore allocates little, and
 * thousands of calls with one signal leave nothing behind: signal and timer are released when the response has no body,
 * or when its body ends, fails or is cancelled.
 */
export class Exchange {
  readonly #abort = new AbortController();
  readonly #attempt: Attempt;
  readonly #timeouts: S3Timeouts;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #expired: string | null = null;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #refused = false;
  /** The first chunk of the response's body, until it is read. */
  #first: Uint8Array | undefined;

  constructor(attempt: Attempt, timeouts: S3Timeouts) {
    const { signal } = attempt.request;
    throwIfAborted(signal);
    this.#attempt = attempt;
    this.#timeouts = timeouts;
    signal?.addEventListener("abort", this);
  }

  /** The caller gave up. */
  handleEvent(): void {
    this.#release();
    this.#abort.abort(this.#attempt.request.signal?.reason);
  }

  /** @throws {AttemptError} Without a response. @throws {StowageError} `request_aborted`. */
  async send(fetch: DriverContext["fetch"], { url, headers }: SignedRequest): Promise<S3Response> {
    const { action, method, body } = this.#attempt.request;
    const timeoutMs = this.#timeouts.responseMs * (SLOW_ACTIONS.has(action) ? SLOW_FACTOR : 1);
    this.#expireAfter(timeoutMs + bodyMs(body, this.#timeouts), "does not respond");
    let fetched: Response;
    try {
      fetched = await fetch(url, {
        method,
        headers,
        // Bytes, not a stream, so that every runtime sends a content-length.
        ...(body !== undefined && { body: body as Uint8Array<ArrayBuffer> }),
        // A redirect must not receive the credentials.
        redirect: "manual",
        signal: this.#abort.signal,
      });
    } catch (error) {
      throw this.#toError(error);
    }
    clearTimeout(this.#timer);
    const response = this.#guard(fetched);
    if (action === "GetObject" && response.body !== null && !this.#refused) {
      await this.#readFirst(response);
    }
    return response;
  }

  /** Until its first byte arrives, an object or range can be requested again unchanged. */
  async #readFirst({ headers }: S3Response): Promise<void> {
    do this.#first = await this.#read();
    while (this.#first?.byteLength === 0);
    if (this.#first === undefined && headers.has("content-length")) {
      throw this.#toError(new Error("The response ended before its first byte"));
    }
  }

  /** The response with an idle timeout on its body. */
  #guard({ status, headers, body }: Response): S3Response {
    if (body === null || headers.get("content-length") === "0") {
      this.#release();
      return { status, headers, body: null };
    }
    this.#reader = body.getReader();
    // We read the body of an error ourselves. All of it gets as long as one chunk of another body.
    this.#refused = status >= 300;
    if (this.#refused) this.#expireAfter(this.#timeouts.idleMs, "does not finish its response");
    // Nothing is read ahead: while nothing is requested, the idle timeout stands still.
    return { status, headers, body: new ReadableStream(this, { highWaterMark: 0 }) };
  }

  /** The reader requests the next chunk of the body. */
  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const chunk = this.#first ?? (await this.#read());
    this.#first = undefined;
    if (chunk === undefined) controller.close();
    else controller.enqueue(chunk);
  }

  /** The next chunk of the response's body, or `undefined` at its end. */
  async #read(): Promise<Uint8Array | undefined> {
    if (!this.#refused) {
      this.#expireAfter(this.#timeouts.idleMs, "sends no more of its response");
    }
    try {
      const result = await this.#reader?.read();
      if (!this.#refused) clearTimeout(this.#timer);
      if (result?.value === undefined) this.#release();
      return result?.value;
    } catch (error) {
      throw this.#toError(error);
    }
  }

  /** The reader cancels the body. */
  async cancel(reason: unknown): Promise<void> {
    this.#release();
    // A body that has failed already has nothing left to free.
    await this.#reader?.cancel(reason).catch(() => {});
  }

  #expireAfter(ms: number, what: string): void {
    this.#timer = setTimeout(() => {
      this.#expired = `${what} for ${Math.round(ms / 1000)} s`;
      this.#abort.abort();
    }, ms);
  }

  /** The cause of an error of fetch or of the body: the caller's abort, our timeout, or the network. */
  #toError(error: unknown): Error {
    this.#release();
    const { request, addressing } = this.#attempt;
    if (request.signal?.aborted === true) return abortedError(request.signal);
    const failure =
      this.#expired === null
        ? networkFailure(error, addressing)
        : timeoutFailure(addressing.origin, this.#expired);
    return new AttemptError(failure, this.#attempt);
  }

  /** Release the caller's signal and the timer. */
  #release(): void {
    clearTimeout(this.#timer);
    this.#attempt.request.signal?.removeEventListener("abort", this);
  }
}
