import { abortedError, type DriverContext, throwIfAborted } from "../../../src/driver.ts";
import { bodyMs, type S3Timeouts } from "./client-options.ts";
import { type Attempt, AttemptError } from "./failure.ts";
import { networkFailure, timeoutFailure } from "./network-failures.ts";
import type { S3Response } from "./protocol.ts";
import type { SignedRequest } from "./signing.ts";

/** They touch thousands of objects or parts before they answer. */
const SLOW_ACTIONS: ReadonlySet<string> = new Set([
  "CompleteMultipartUpload",
  "CopyObject",
  "UploadPartCopy",
  "DeleteObjects",
]);
const SLOW_FACTOR = 4;

/**
 * One request and its answer, under clocks and under the caller's signal.
 *
 * It is the listener and the source of the body itself and owns one timer, so that a call makes little and
 * thousands of calls under one signal leave nothing behind: signal and timer are let go when the answer has
 * no body, or when its body ends, fails or is cancelled.
 */
export class Exchange {
  readonly #abort = new AbortController();
  readonly #attempt: Attempt;
  readonly #timeouts: S3Timeouts;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #expired: string | null = null;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #refused = false;
  /** The first chunk of the answer's body, until it is asked for. */
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

  /** @throws {AttemptError} Without an answer. @throws {StowageError} `request_aborted`. */
  async send(fetch: DriverContext["fetch"], { url, headers }: SignedRequest): Promise<S3Response> {
    const { action, method, body } = this.#attempt.request;
    const timeoutMs = this.#timeouts.responseMs * (SLOW_ACTIONS.has(action) ? SLOW_FACTOR : 1);
    this.#expireAfter(timeoutMs + bodyMs(body, this.#timeouts), "does not answer");
    let response: Response;
    try {
      response = await fetch(url, {
        method,
        headers,
        // Bytes, not a stream: they go out with a content-length everywhere.
        ...(body !== undefined && { body: body as Uint8Array<ArrayBuffer> }),
        // Credentials are for this host alone.
        redirect: "manual",
        signal: this.#abort.signal,
      });
    } catch (error) {
      throw this.#explain(error);
    }
    clearTimeout(this.#timer);
    const answer = this.#guard(response);
    if (action === "GetObject" && answer.body !== null && !this.#refused) {
      await this.#readFirst(answer);
    }
    return answer;
  }

  /** An object of which no byte has come can be asked for again as a whole, or as the same range. */
  async #readFirst({ headers }: S3Response): Promise<void> {
    do this.#first = await this.#read();
    while (this.#first?.byteLength === 0);
    if (this.#first === undefined && headers.has("content-length")) {
      throw this.#explain(new Error("The answer ended before its first byte"));
    }
  }

  /** The answer with its body under the idle clock. */
  #guard({ status, headers, body }: Response): S3Response {
    if (body === null || headers.get("content-length") === "0") {
      this.#release();
      return { status, headers, body: null };
    }
    this.#reader = body.getReader();
    // A refusal is read by us, and as a whole has no longer than one chunk of a body that somebody wants.
    this.#refused = status >= 300;
    if (this.#refused) this.#expireAfter(this.#timeouts.idleMs, "does not end its answer");
    // Nothing is read ahead: while nobody asks, the clock stands still.
    return { status, headers, body: new ReadableStream(this, { highWaterMark: 0 }) };
  }

  /** The answer's body is asked for its next chunk. */
  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const chunk = this.#first ?? (await this.#read());
    this.#first = undefined;
    if (chunk === undefined) controller.close();
    else controller.enqueue(chunk);
  }

  /** The next chunk of the answer's body, `undefined` at its end. */
  async #read(): Promise<Uint8Array | undefined> {
    if (!this.#refused) {
      this.#expireAfter(this.#timeouts.idleMs, "sends nothing more of its answer");
    }
    try {
      const result = await this.#reader?.read();
      if (!this.#refused) clearTimeout(this.#timer);
      if (result?.value === undefined) this.#release();
      return result?.value;
    } catch (error) {
      throw this.#explain(error);
    }
  }

  /** The answer's body is not wanted any more. */
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

  /** What an error of fetch or of its body means: the caller's will, our clock, or the network. */
  #explain(error: unknown): Error {
    this.#release();
    const { request, addressing } = this.#attempt;
    if (request.signal?.aborted === true) return abortedError(request.signal);
    const failure =
      this.#expired === null
        ? networkFailure(error, addressing)
        : timeoutFailure(addressing.origin, this.#expired);
    return new AttemptError(failure, this.#attempt);
  }

  /** Let go of the caller's signal and of the clock. */
  #release(): void {
    clearTimeout(this.#timer);
    this.#attempt.request.signal?.removeEventListener("abort", this);
  }
}
