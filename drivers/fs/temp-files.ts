import type { BigIntStats } from "node:fs";
import { type FileHandle, lstat, open, opendir, unlink } from "node:fs/promises";
import { join } from "node:path";
import {
  type Body,
  type DriverContext,
  type LeftoverSelection,
  type ObjectKey,
  readBody,
  StowageError,
  throwIfAborted,
  toHex,
} from "../../src/driver.ts";
import { errnoOf, guard, isMissing } from "./errors.ts";
import { TEMP_FOLDER, type Tree } from "./tree.ts";

/** One write call takes so much: enough to hide its cost, little enough to hold twice for each upload. */
const BATCH_BYTES = 512 * 1024;
/** IOV_MAX on Linux: more buffers than that take a second call anyway. */
const BATCH_CHUNKS = 1024;
/**
 * So many bytes are written before a sync of the disk begins. Without that a large file is received into
 * memory first and waits for the disk at its end; with it both work at the same time.
 */
const SYNC_EVERY_BYTES = 16 * 1024 * 1024;
const FILE_MODE = 0o640;
/** Characters of each digest in a temp file's name: 128 bits. */
const DIGEST_CHARS = 32;
/** A file that is being written is touched this often, however slowly its bytes come. */
const TOUCH_EVERY_MS = 20_000;
/**
 * A file that was not touched for this long has no writer any more. The margin allows for a slow disk, and for
 * clocks of several servers that differ.
 */
export const DEAD_AFTER_MS = 6 * TOUCH_EVERY_MS;

/** A complete, synced file that is not visible as an object yet. */
export interface TempFile {
  readonly path: string;
  readonly stats: BigIntStats;
}

/**
 * Files in the making. Their names begin with digests of the folder of their key and of the key itself, so that
 * those of either are found.
 */
export class TempFiles {
  readonly #tree: Tree;
  readonly #folder: string;
  readonly #context: DriverContext;

  constructor(tree: Tree, context: DriverContext) {
    this.#tree = tree;
    this.#folder = join(tree.root, TEMP_FOLDER);
    this.#context = context;
  }

  /**
   * Write `body` to a new file and sync it. The next batch is received and hashed while the previous one is written.
   *
   * @throws What the body throws, unchanged; {@link StowageError} for the filesystem's trouble. Either way
   *   nothing is left.
   */
  async write(key: ObjectKey, body: Body, signal: AbortSignal | undefined): Promise<TempFile> {
    const path = join(this.#folder, `${this.#prefixOfKey(key)}${this.#nonce()}`);
    const writer = new Writer(() => this.#create(path), this.#context.now);
    try {
      let batch: Uint8Array[] = [];
      let batchBytes = 0;
      for await (const chunk of readBody(body, signal)) {
        batch.push(chunk);
        batchBytes += chunk.byteLength;
        if (batchBytes < BATCH_BYTES && batch.length < BATCH_CHUNKS) continue;
        await guard(() => writer.write(batch));
        batch = [];
        batchBytes = 0;
      }
      if (batchBytes > 0) await guard(() => writer.write(batch));
      const stats = await guard(() => writer.finish());
      throwIfAborted(signal);
      return { path, stats };
    } catch (error) {
      await writer.abandon();
      await this.discard(path);
      throw error;
    }
  }

  /** Remove a file of ours that may be gone already. Never fails: what stays is a leftover, and reported. */
  async discard(path: string): Promise<void> {
    try {
      await unlink(path);
    } catch (error) {
      if (!isMissing(error)) this.#context.logger.warn("storage.temp_file_kept", { error });
    }
  }

  /** @see LeftoverGroup.remove */
  async removeLeftovers(
    which: LeftoverSelection,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const isChosen = this.#chooser(which);
    let removed = 0;
    try {
      await this.#tree.confirm(this.#folder);
      for await (const { name } of await opendir(this.#folder)) {
        throwIfAborted(signal);
        const path = join(this.#folder, name);
        if ((await isChosen(name, path)) && (await unlinkExisting(path))) removed += 1;
      }
    } catch (error) {
      // No folder, no leftovers.
      if (!isMissing(error)) throw error;
      await this.#tree.assertPresent();
    }
    return removed;
  }

  async #create(path: string): Promise<FileHandle> {
    await this.#tree.identity.assertSame();
    try {
      await this.#tree.confirm(this.#folder);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
      await this.#tree.assertPresent();
      await this.#tree.makeFolder(this.#folder);
    }
    return await open(path, "wx", FILE_MODE);
  }

  #chooser(which: LeftoverSelection): (name: string, path: string) => boolean | Promise<boolean> {
    if ("before" in which) return (_, path) => wasTouchedBefore(path, which.before);
    const prefix =
      "key" in which ? this.#prefixOfKey(which.key) : this.#prefixOfFolder(which.folder);
    return (name) => name.startsWith(prefix);
  }

  #prefixOfFolder(folder: string): string {
    return `${this.#digest(folder)}-`;
  }

  #prefixOfKey(key: ObjectKey): string {
    const folder = key.slice(0, Math.max(0, key.lastIndexOf("/")));
    return `${this.#prefixOfFolder(folder)}${this.#digest(key)}-`;
  }

  #digest(text: string): string {
    const hash = this.#context.hash("sha256");
    hash.update(new TextEncoder().encode(text));
    return toHex(hash.digest()).slice(0, DIGEST_CHARS);
  }

  #nonce(): string {
    return toHex(this.#context.random(new Uint8Array(8)));
  }
}

/** Appends batches to a file that is made when the first one comes; at most one is on its way. */
class Writer {
  readonly #create: () => Promise<FileHandle>;
  readonly #now: () => number;
  #file: FileHandle | undefined;
  #touching: ReturnType<typeof setInterval> | undefined;
  #touched: Promise<void> = Promise.resolve();
  #inFlight: Promise<void> = Promise.resolve();
  /** An early sync on its way. Its failure fails the write: the system reports each loss only once. */
  #syncing: Promise<void> | null = null;
  #unsyncedBytes = 0;
  #failure: { readonly error: unknown } | null = null;

  constructor(create: () => Promise<FileHandle>, now: () => number) {
    this.#create = create;
    this.#now = now;
  }

  /** Resolves as soon as the batch before is written; throws if that failed. */
  async write(batch: Uint8Array[]): Promise<void> {
    await this.#inFlight;
    this.#throwFailure();
    this.#inFlight = this.#append(batch);
    // The next call, finish or abandon handles a failure. Until then it must not be an unhandled rejection.
    this.#inFlight.catch(() => {});
  }

  /** Everything on the disk, and the file closed. */
  async finish(): Promise<BigIntStats> {
    await this.#inFlight;
    await this.#syncing;
    this.#throwFailure();
    const file = await this.#open();
    await file.sync();
    // Before the stats are read: the time of the last change is part of the version.
    await this.#stopTouching();
    const stats = await file.stat({ bigint: true });
    this.#file = undefined;
    await file.close();
    return stats;
  }

  /** Close the file. Waits for the write on its way: its descriptor's number must not be reused under it. */
  async abandon(): Promise<void> {
    await this.#inFlight.catch(() => {});
    await this.#syncing;
    await this.#stopTouching();
    await this.#file?.close().catch(() => {});
  }

  async #open(): Promise<FileHandle> {
    this.#file ??= this.#touchNowAndThen(await this.#create());
    return this.#file;
  }

  /** Shows other servers that the file is not a leftover. If one touch fails, the next is soon enough. */
  #touchNowAndThen(file: FileHandle): FileHandle {
    this.#touching = setInterval(() => {
      const seconds = this.#now() / 1000;
      this.#touched = file.utimes(seconds, seconds).catch(() => {});
    }, TOUCH_EVERY_MS);
    return file;
  }

  async #stopTouching(): Promise<void> {
    clearInterval(this.#touching);
    await this.#touched;
  }

  async #append(batch: Uint8Array[]): Promise<void> {
    const file = await this.#open();
    let rest = batch;
    while (rest.length > 0) {
      const { bytesWritten } = await file.writev(rest);
      if (bytesWritten === 0)
        throw new StowageError("storage_full", "Cannot write: no byte is taken");
      rest = dropBytes(rest, bytesWritten);
      this.#unsyncedBytes += bytesWritten;
    }
    if (this.#unsyncedBytes >= SYNC_EVERY_BYTES && this.#syncing === null) this.#beginSync(file);
  }

  #beginSync(file: FileHandle): void {
    this.#unsyncedBytes = 0;
    this.#syncing = file
      .datasync()
      .catch((error: unknown) => {
        this.#failure = { error };
      })
      .finally(() => {
        this.#syncing = null;
      });
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }
}

function dropBytes(chunks: Uint8Array[], count: number): Uint8Array[] {
  let dropped = 0;
  for (const [index, chunk] of chunks.entries()) {
    if (dropped + chunk.byteLength > count) {
      return [chunk.subarray(count - dropped), ...chunks.slice(index + 1)];
    }
    dropped += chunk.byteLength;
  }
  return [];
}

async function wasTouchedBefore(path: string, moment: number): Promise<boolean> {
  try {
    return (await lstat(path)).mtimeMs < moment;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

async function unlinkExisting(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
