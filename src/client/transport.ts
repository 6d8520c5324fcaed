import { StowageApiError, toApiError } from "./stowage-api-error.ts";

/** How to reach the service. */
export interface ClientOptions {
  /** The URL of the service, with its mount path: `https://example.com/files`. In browsers, `/files` works too. */
  readonly baseUrl: string | URL;
  /** An API key or a JSON Web Token. A function is called before every request. */
  readonly token?: string | (() => string | Promise<string>) | undefined;
  /** Sent with every request. A function is called before each. */
  readonly headers?: HeaderSource | (() => HeaderSource | Promise<HeaderSource>) | undefined;
  /** Whether to send cookies, as in `fetch`. Default: `same-origin`. */
  readonly credentials?: "omit" | "same-origin" | "include" | undefined;
  /** Replaces the runtime's `fetch`. In browsers, uploads then report no progress. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** How often to retry calls that are safe to retry. Default: 3; 0 for never. */
  readonly retries?: number | undefined;
}

export type HeaderSource = Headers | Readonly<Record<string, string>>;

/** A complete request. */
export interface ClientRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly credentials: "omit" | "same-origin" | "include";
  readonly body: Blob | ReadableStream<Uint8Array> | string | null;
  readonly signal: AbortSignal | undefined;
}

/** Sends a request: `fetch`, or XMLHttpRequest for progress. */
export type Send = (request: ClientRequest) => Promise<Response>;

export interface ClientCall {
  readonly method: string;
  /** The encoded path after `/api/v1`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Called for every attempt. A stream must end when `ended` is aborted, since it is no longer read then. */
  readonly body?: (ended: AbortSignal) => ClientRequest["body"];
  readonly signal?: AbortSignal | undefined;
  /** The error of the body, if it failed. */
  readonly failure?: (() => { readonly error: unknown } | null) | undefined;
  /** Whether the call is idempotent. */
  readonly repeatable: boolean;
  readonly send?: Send | undefined;
}

const BASE_PATH = "/api/v1";
const DEFAULT_RETRIES = 3;

/** Do not wait longer than this without reporting an error. */
const MAX_WAIT_SECONDS = 60;
const FIRST_WAIT_SECONDS = 0.25;

/** Long enough for the service's default lease of a minute to expire and to be cleaned up. */
const MAX_BUSY_SECONDS = 75;
const BUSY_STEP_SECONDS = 5;
/** Counted for every wait at least, so that waits of 0 seconds come to an end. */
const MIN_BUSY_STEP_SECONDS = 1;

/** Statuses of temporary failures. */
const RETRYABLE_STATUSES: readonly number[] = [408, 429, 502, 503, 504];

/** Sends calls with the caller's credential, and retries those that are safe to retry. */
export class Transport {
  readonly #options: ClientOptions;
  readonly #base: string;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#base = String(options.baseUrl).replace(/\/+$/, "") + BASE_PATH;
  }

  /**
   * @param read Reads a successful response.
   * @throws {StowageApiError} If the call fails, or no response arrives.
   * @throws The reason of `signal` if it is aborted; the error of the body if that fails.
   */
  async call<Result>(
    call: ClientCall,
    read: (response: Response) => Result | Promise<Result>,
  ): Promise<Result> {
    const retries = new Retries(this.#options.retries ?? DEFAULT_RETRIES);
    for (;;) {
      try {
        return await this.#once(call, read);
      } catch (error) {
        call.signal?.throwIfAborted();
        const failure = call.failure?.() ?? null;
        if (failure !== null) throw failure.error;
        const seconds = call.repeatable ? retries.next(error) : null;
        if (seconds === null) throw error;
        await delay(seconds, call.signal);
      }
    }
  }

  async #once<Result>(
    call: ClientCall,
    read: (response: Response) => Result | Promise<Result>,
  ): Promise<Result> {
    const headers = await this.#headers(call);
    call.signal?.throwIfAborted();
    const send = call.send ?? this.#fetch;
    // Node's fetch keeps reading a body after its request has failed or has been answered.
    const ended = new AbortController();
    const stop = (): void => ended.abort(call.signal?.reason);
    call.signal?.addEventListener("abort", stop, { once: true });
    try {
      const response = await orConnectionFailed(
        send({
          method: call.method,
          url: this.#base + call.path,
          headers,
          credentials: this.#options.credentials ?? "same-origin",
          body: call.body?.(ended.signal) ?? null,
          signal: call.signal,
        }),
      );
      if (!response.ok) throw await toApiError(response);
      return await orConnectionFailed(Promise.resolve(read(response)));
    } finally {
      call.signal?.removeEventListener("abort", stop);
      stop();
    }
  }

  readonly #fetch: Send = async ({ url, ...init }) => {
    const fetch = this.#options.fetch ?? globalThis.fetch;
    const duplex = init.body instanceof ReadableStream ? { duplex: "half" as const } : {};
    return await fetch(url, { ...init, signal: init.signal ?? null, ...duplex });
  };

  async #headers(call: ClientCall): Promise<Headers> {
    const { token, headers } = this.#options;
    const all = new Headers(typeof headers === "function" ? await headers() : headers);
    if (token !== undefined) {
      all.set("Authorization", `Bearer ${typeof token === "function" ? await token() : token}`);
    }
    for (const [name, value] of Object.entries(call.headers ?? {})) all.set(name, value);
    return all;
  }
}

/** Counts the retries of one call. */
class Retries {
  readonly #max: number;
  #count = 0;
  #busySeconds = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** How long to wait before the next attempt; `null` if there should not be one. */
  next(error: unknown): number | null {
    if (this.#count >= this.#max) return null;
    const busy = busyWaitSeconds(error, this.#busySeconds);
    if (busy !== null) {
      this.#busySeconds += Math.max(busy, MIN_BUSY_STEP_SECONDS);
      return busy;
    }
    const seconds = waitSeconds(error, this.#count);
    if (seconds !== null) this.#count += 1;
    return seconds;
  }
}

/** Converts failures of the connection to `connection_failed`, with the runtime's error as the cause. */
async function orConnectionFailed<Result>(promise: Promise<Result>): Promise<Result> {
  try {
    return await promise;
  } catch (cause) {
    if (cause instanceof StowageApiError) throw cause;
    throw new StowageApiError("connection_failed", "Cannot reach Stowage: the connection failed", {
      cause,
    });
  }
}

/** How long to wait before a retry; `null` if a retry would not help. */
export function waitSeconds(error: unknown, tries: number): number | null {
  if (!(error instanceof StowageApiError)) return null;
  const { code, status, retryAfterSeconds } = error;
  if (!RETRYABLE_STATUSES.includes(status) && code !== "connection_failed") return null;
  if (retryAfterSeconds !== null) {
    return retryAfterSeconds > MAX_WAIT_SECONDS ? null : retryAfterSeconds;
  }
  // Jitter, so that clients that failed together do not retry together.
  return FIRST_WAIT_SECONDS * 2 ** tries * (0.5 + Math.random());
}

/**
 * How long to wait for the previous attempt, whose broken connection the service has not noticed yet: usually a
 * moment, but its whole lease if the service has crashed. `null` for any other error, and after
 * `MAX_BUSY_SECONDS`.
 *
 * @param waitedSeconds How long the call has waited for it already.
 */
export function busyWaitSeconds(error: unknown, waitedSeconds: number): number | null {
  if (!(error instanceof StowageApiError) || error.code !== "idempotency_key_in_use") return null;
  if (waitedSeconds >= MAX_BUSY_SECONDS) return null;
  return Math.min(error.retryAfterSeconds ?? BUSY_STEP_SECONDS, BUSY_STEP_SECONDS);
}

/** @throws The reason of `signal` when it is aborted. */
export async function delay(seconds: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, seconds * 1000);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
