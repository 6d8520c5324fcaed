import {
  type CallOptions,
  type ErrorCode,
  isStowageError,
  type ObjectKey,
  OWN_FOLDER,
  parseObjectKey,
  type StorageDriver,
  type StoredObject,
  waitFor,
} from "../../src/driver.ts";

/** What the kit needs to know about the driver under test. */
export interface ConformanceOptions {
  /** Open the storage under test. Called once for each case; always the same storage, or always a new one. */
  open(): Promise<StorageDriver>;
  /**
   * The driver keeps objects in memory by nature, so it cannot be asked to let go of a body's chunks.
   * Default `false`.
   */
  readonly keepsObjectsInMemory?: boolean;
  /** How long a call may go on after it was aborted. Default 5,000. */
  readonly timeoutMs?: number;
}

/** A case before it knows its driver. */
export interface TrialCase {
  readonly name: string;
  test(trial: Trial): Promise<void>;
}

/** Bounds every walk through pages, so that a listing without an end fails instead of hanging. */
const MAX_PAGES = 10_000;

/** One run of one case: an open driver, and a corner of its storage. */
export class Trial {
  readonly driver: StorageDriver;
  readonly keepsObjectsInMemory: boolean;
  readonly #timeoutMs: number;
  /** Ends with a slash. */
  readonly prefix: string;
  /** The same below `.stowage/`. */
  readonly ownPrefix: string;

  constructor(driver: StorageDriver, options: ConformanceOptions) {
    this.driver = driver;
    this.keepsObjectsInMemory = options.keepsObjectsInMemory ?? false;
    this.#timeoutMs = options.timeoutMs ?? 5000;
    this.prefix = `conformance-${globalThis.crypto.randomUUID()}/`;
    this.ownPrefix = `${OWN_FOLDER}/${this.prefix}`;
  }

  /** A key in this trial's corner. */
  key(path: string): ObjectKey {
    return parseObjectKey(this.prefix + path);
  }

  /** Store a short text, or bytes, in one piece. */
  async put(key: ObjectKey, content: string | Uint8Array): Promise<StoredObject> {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    return await this.driver.put(key, { kind: "bytes", bytes });
  }

  /** All bytes of an object. */
  async read(key: ObjectKey, options?: CallOptions): Promise<Uint8Array> {
    return await readAll((await this.driver.get(key, options)).stream);
  }

  async readText(key: ObjectKey): Promise<string> {
    return new TextDecoder().decode(await this.read(key));
  }

  /** Every object under `prefix`, through all pages. */
  async listAll(prefix: string, limit?: number): Promise<StoredObject[]> {
    const objects: StoredObject[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const from = cursor === null ? {} : { cursor };
      const answer = await this.driver.list(prefix, {
        ...from,
        ...(limit === undefined ? {} : { limit }),
      });
      objects.push(...answer.objects);
      if (answer.next === null) return objects;
      assert(answer.next !== cursor, "list() gave the same cursor twice in a row");
      cursor = answer.next;
    }
    throw new Error(`list() had not ended after ${MAX_PAGES} pages`);
  }

  /** Fail if `promise` does not settle soon, because a case that hangs reports nothing. */
  async soon<Result>(promise: Promise<Result>, what: string): Promise<Result> {
    const ms = this.#timeoutMs;
    const error = () => new Error(`${what} had not ended after ${ms} ms`);
    return await waitFor(promise, { timeout: { ms, error } });
  }

  async clear(): Promise<void> {
    const { limits } = this.driver;
    for (const prefix of [this.prefix, this.ownPrefix]) {
      const keys = (await this.listAll(prefix)).map((object) => object.key);
      for (let start = 0; start < keys.length; start += limits.maxDeleteKeys) {
        await this.driver.delete(keys.slice(start, start + limits.maxDeleteKeys));
      }
    }
  }
}

/** Open, test, clear, dispose. The case's own failure counts before one of the clearing. */
export async function runTrial(
  options: ConformanceOptions,
  test: TrialCase["test"],
): Promise<void> {
  const driver = await options.open();
  const trial = new Trial(driver, options);
  try {
    await test(trial);
  } catch (error) {
    await trial.clear().catch(() => {});
    await driver.dispose?.().catch(() => {});
    throw error;
  }
  await trial.clear();
  await driver.dispose?.();
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

export function assertEqual(found: unknown, expected: unknown, what: string): void {
  const [left, right] = [JSON.stringify(found), JSON.stringify(expected)];
  assert(left === right, `${what}: expected ${right}, found ${left}`);
}

export function assertBytes(found: Uint8Array, expected: Uint8Array, what: string): void {
  assertEqual(found.byteLength, expected.byteLength, `${what}: length in bytes`);
  const differs = found.findIndex((byte, index) => byte !== expected[index]);
  assert(differs < 0, `${what}: byte ${differs} differs`);
}

/** The promise rejects with an error of ours that has one of these codes. */
export async function assertCode(
  promise: Promise<unknown>,
  what: string,
  ...codes: ErrorCode[]
): Promise<void> {
  const error = await rejectionOf(promise, what);
  assert(isStowageError(error), `${what}: expected a StowageError, found ${String(error)}`);
  assert(
    codes.includes(error.code),
    `${what}: expected ${codes.join(" or ")}, found ${error.code} (${error.message})`,
  );
}

export async function rejectionOf(promise: Promise<unknown>, what: string): Promise<unknown> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`${what}: expected an error, found ${JSON.stringify(value) ?? "a result"}`);
}

export async function readAll(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    total += chunk.byteLength;
  }
  const whole = new Uint8Array(total);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}
