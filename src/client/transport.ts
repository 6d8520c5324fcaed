import { StowageApiError, toApiError } from "./stowage-api-error.ts";

/** How the client reaches the service. */
export interface ClientOptions {
  /** Where the service is, its mount path included: `https://example.com/files`; in browsers also `/files`. */
  readonly baseUrl: string | URL;
  /** An API key or a JSON Web Token; a function is asked before every request. */
  readonly token?: string | (() => string | Promise<string>) | undefined;
  /** Sent with every request; a function is asked before each. */
  readonly headers?: HeaderSource | (() => HeaderSource | Promise<HeaderSource>) | undefined;
  /** Cookies: as `fetch` has it. Default: those of the same origin. */
  readonly credentials?: "omit" | "same-origin" | "include" | undefined;
  /** Instead of the runtime's own. Browsers tell no progress of uploads then. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** How often a call is tried again that may be. Default: 3; 0 for never. */
  readonly retries?: number | undefined;
}

export type HeaderSource = Headers | Readonly<Record<string, string>>;

/** One request, whole. */
export interface ClientRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly credentials: "omit" | "same-origin" | "include";
  readonly body: Blob | ReadableStream<Uint8Array> | string | null;
  readonly signal: AbortSignal | undefined;
}

/** Sends a request: `fetch`, or what can do more than it. */
export type Send = (request: ClientRequest) => Promise<Response>;

export interface ClientCall {
  readonly method: string;
  /** What follows `/api/v1`, encoded. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Made anew for every try. A stream ends once `ended` is aborted: nobody reads it any more then. */
  readonly body?: (ended: AbortSignal) => ClientRequest["body"];
  readonly signal?: AbortSignal | undefined;
  /** What the body itself has failed with, if it has. */
  readonly failure?: (() => { readonly error: unknown } | null) | undefined;
  /** Whether doing it twice is the same as doing it once. */
  readonly repeatable: boolean;
  readonly send?: Send | undefined;
}

const BASE_PATH = "/api/v1";
const DEFAULT_RETRIES = 3;

/** Nobody should wait in silence for longer than this. */
const MAX_WAIT_SECONDS = 60;
const FIRST_WAIT_SECONDS = 0.25;

/** A lease of the service, which has a minute without a byte, and what it takes to begin it again. */
const MAX_BUSY_SECONDS = 75;
const BUSY_STEP_SECONDS = 5;
/** Counted for every wait, so that those of no length come to an end. */
const MIN_BUSY_STEP_SECONDS = 1;

/** Statuses that pass by themselves. */
const RETRYABLE_STATUSES: readonly number[] = [408, 429, 502, 503, 504];

/** Sends calls, with the caller's credential, and again where that is safe. */
export class Transport {
  readonly #options: ClientOptions;
  readonly #base: string;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#base = String(options.baseUrl).replace(/\/+$/, "") + BASE_PATH;
  }

  /**
   * @param read Takes what is needed of an answer that is well.
   * @throws {StowageApiError} For every other answer, and where none came.
   * @throws The reason of `signal` once that is aborted; what the body fails with.
   */
  async call<Result>(
    call: ClientCall,
    read: (response: Response) => Result | Promise<Result>,
  ): Promise<Result> {
    const { retries = DEFAULT_RETRIES } = this.#options;
    let tries = 0;
    let busySeconds = 0;
    for (;;) {
      try {
        return await this.#once(call, read);
      } catch (error) {
        call.signal?.throwIfAborted();
        const failure = call.failure?.() ?? null;
        if (failure !== null) throw failure.error;
        if (!call.repeatable || tries >= retries) throw error;
        const busy = busyWaitSeconds(error, busySeconds);
        const seconds = busy ?? waitSeconds(error, tries);
        if (seconds === null) throw error;
        if (busy === null) tries += 1;
        else busySeconds += Math.max(busy, MIN_BUSY_STEP_SECONDS);
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
    // Node's fetch goes on reading a body when its request has failed or is answered already.
    const ended = new AbortController();
    const stop = (): void => ended.abort(call.signal?.reason);
    call.signal?.addEventListener("abort", stop, { once: true });
    try {
      const response = await orConnectionFailed(
        send({
          ...{ method: call.method, url: this.#base + call.path, headers },
          credentials: this.#options.credentials ?? "same-origin",
          ...{ body: call.body?.(ended.signal) ?? null, signal: call.signal },
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

/** Whatever breaks on the way is one error, with what the runtime said of it as its cause. */
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

/** How long to wait before a call is tried again that may be; `null` where that would not help. */
export function waitSeconds(error: unknown, tries: number): number | null {
  if (!(error instanceof StowageApiError)) return null;
  const { code, status, retryAfterSeconds } = error;
  if (!RETRYABLE_STATUSES.includes(status) && code !== "connection_failed") return null;
  if (retryAfterSeconds !== null) {
    return retryAfterSeconds > MAX_WAIT_SECONDS ? null : retryAfterSeconds;
  }
  // Spread out: whoever failed together must not come back together.
  return FIRST_WAIT_SECONDS * 2 ** tries * (0.5 + Math.random());
}

/**
 * How long to wait for the try before, which has lost its connection without the service having noticed yet:
 * mostly for a moment, but for its whole lease where the service has died. `null` for any other error, and once
 * there has been enough of it.
 *
 * @param waitedSeconds How long it has been waited for already.
 */
export function busyWaitSeconds(error: unknown, waitedSeconds: number): number | null {
  if (!(error instanceof StowageApiError) || error.code !== "idempotency_key_in_use") return null;
  if (waitedSeconds >= MAX_BUSY_SECONDS) return null;
  return Math.min(error.retryAfterSeconds ?? BUSY_STEP_SECONDS, BUSY_STEP_SECONDS);
}

/** @throws The reason of `signal`, as soon as it is aborted. */
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
