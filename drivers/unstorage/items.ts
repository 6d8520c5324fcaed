import { StowageError, throwIfAborted, waitFor } from "../../src/driver.ts";
import { fromBase64Item, toBase64Item } from "./base64.ts";
import { isError, toStowageError, UNREACHABLE_ADVICE } from "./errors.ts";
import type { UnstorageDriver } from "./unstorage-driver.ts";

/** How long to wait for one call. */
export interface Wait {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The items of an unstorage driver, one by one: bytes in, the same bytes out, whatever the driver makes of
 * them; every call ends in time; what a driver throws or gives back as an error is a {@link StowageError}.
 *
 * The driver is called itself, not through `createStorage`: that would parse what it reads (`"1"` becomes a
 * number), resolve where a driver cannot write at all, and hide items whose name ends with `$`.
 */
export class Items {
  readonly #driver: UnstorageDriver;

  constructor(driver: UnstorageDriver) {
    this.#driver = driver;
  }

  /** @returns `null` only if there is no such item. */
  async readText(name: string, wait: Wait): Promise<string | null> {
    const value = await this.#call(name, wait, () => this.#driver.getItem(name));
    if (value === null || value === undefined || typeof value === "string") return value ?? null;
    return new TextDecoder().decode(await toBytes(value));
  }

  async writeText(name: string, text: string, wait: Wait): Promise<void> {
    await this.#call(name, wait, () => (this.#driver.setItem ?? readOnly)(name, text, {}));
  }

  /** @returns `null` only if there is no such item. */
  async readBytes(name: string, wait: Wait): Promise<Uint8Array | null> {
    const value: unknown = await this.#call(name, wait, () =>
      this.#isRaw ? this.#driver.getItemRaw?.(name, {}) : this.#driver.getItem(name),
    );
    return value === null || value === undefined ? null : await toBytes(value);
  }

  /** `bytes` are the driver's from now on: one that keeps them in memory does not copy them. */
  async writeBytes(name: string, bytes: Uint8Array, wait: Wait): Promise<void> {
    if (!this.#isRaw) return await this.writeText(name, toBase64Item(bytes), wait);
    await this.#call(name, wait, () => this.#driver.setItemRaw?.(name, bytes, {}));
  }

  async remove(name: string, wait: Wait): Promise<void> {
    await this.#call(name, wait, () => (this.#driver.removeItem ?? readOnly)(name, {}));
  }

  /** Names of all items in a folder, and maybe of others, each once; all of them are held in memory. */
  async names(folder: string, wait: Wait): Promise<readonly string[]> {
    const names: unknown = await this.#call(folder, wait, () => this.#driver.getKeys(folder, {}));
    // SCAN of Redis returns a key again if its table grows in the meantime.
    if (Array.isArray(names)) return [...new Set(names.map(String))];
    throw new StowageError("storage_unavailable", "Cannot list: the driver gave back no array");
  }

  async dispose(wait: Wait): Promise<void> {
    await this.#call("", wait, () => this.#driver.dispose?.());
  }

  /** Both or none: what one of them wrote only its other half can read. */
  get #isRaw(): boolean {
    return this.#driver.getItemRaw !== undefined && this.#driver.setItemRaw !== undefined;
  }

  async #call<Result>(
    name: string,
    { timeoutMs, signal }: Wait,
    call: () => Result | PromiseLike<Result>,
  ): Promise<Result> {
    try {
      throwIfAborted(signal);
      // A driver may answer without a promise, and throw without one.
      const work = (async () => call())();
      const timeout = { ms: timeoutMs, error: () => timedOut(timeoutMs) };
      const result = await waitFor(work, { signal, timeout });
      if (isError(result)) throw result;
      return result;
    } catch (error) {
      throw toStowageError(error, name);
    }
  }
}

function timedOut(timeoutMs: number): StowageError {
  return new StowageError(
    "storage_timeout",
    `Cannot use object in unstorage: the driver did not answer within ${timeoutMs} ms`,
    { retryable: true, advice: UNREACHABLE_ADVICE, data: { timeoutMs } },
  );
}

function readOnly(): never {
  throw new StowageError("storage_read_only", "Cannot write: the unstorage driver only reads");
}

/** Drivers give back bytes as buffers, as `fetch` and browsers would, or as the text they made of them. */
async function toBytes(value: unknown): Promise<Uint8Array> {
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (value instanceof Blob) return new Uint8Array(await value.arrayBuffer());
  if (typeof value === "string") return fromBase64Item(value);
  throw new StowageError(
    "object_corrupt",
    `Cannot read object: the driver gives back a ${typeof value} for bytes`,
  );
}
