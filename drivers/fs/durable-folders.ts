import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { errnoOf } from "./errors.ts";

/** Bounds memory for millions of folders. Forgetting one only costs another fsync. */
const REMEMBERED_FOLDERS = 10_000;

/**
 * Makes folder entries durable, and remembers which are.
 *
 * Renaming a file into a folder survives a power cut once the folder is synced, the folder's own entry once
 * its parent is, and so on upwards. A folder made by another process may not be synced yet, because that process may have
 * crashed. So every folder needs one fsync of our own, even if it existed before.
 */
export class DurableFolders {
  readonly #root: string;
  readonly #syncFolder: (folder: string) => Promise<void>;
  readonly #durable = new Set<string>();
  /** Folders whose entry is being synced. A folder that is made anew meanwhile is taken out. */
  readonly #settling = new Map<string, object>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #waiting = new Map<string, Promise<void>>();

  /**
   * @param root Its own entry is durable already.
   * @param sync How one folder is synced.
   */
  constructor(root: string, sync: (folder: string) => Promise<void> = syncFolder) {
    this.#root = root;
    this.#syncFolder = sync;
  }

  /** Sync `folder`, and every folder above it up to the first whose entry is known to be durable. */
  async settle(folder: string): Promise<void> {
    const entries: string[] = [];
    for (let entry = folder; entry !== this.#root && !this.#durable.has(entry); ) {
      entries.push(entry);
      entry = dirname(entry);
    }
    const attempt = {};
    for (const entry of entries) this.#settling.set(entry, attempt);
    try {
      await Promise.all([folder, ...entries.map(dirname)].map((changed) => this.sync(changed)));
      if (this.#durable.size > REMEMBERED_FOLDERS) this.#durable.clear();
      for (const entry of entries) {
        if (this.#settling.get(entry) === attempt) this.#durable.add(entry);
      }
    } finally {
      for (const entry of entries) {
        if (this.#settling.get(entry) === attempt) this.#settling.delete(entry);
      }
    }
  }

  /** `folder` was just made or removed, so its entry is no longer durable. */
  forget(folder: string): void {
    this.#durable.delete(folder);
    this.#settling.delete(folder);
  }

  /**
   * Sync one folder; if it has been removed, the nearest one above it. Calls that come while it is being
   * synced share the next fsync: it begins after their changes, and one is enough for all.
   */
  sync(folder: string): Promise<void> {
    const waiting = this.#waiting.get(folder);
    if (waiting !== undefined) return waiting;
    const running = this.#running.get(folder);
    if (running === undefined) return this.#start(folder);
    const start = (): Promise<void> => {
      this.#waiting.delete(folder);
      return this.#start(folder);
    };
    const next = running.then(start, start);
    this.#waiting.set(folder, next);
    return next;
  }

  #start(folder: string): Promise<void> {
    const run = this.#syncNearest(folder).finally(() => this.#running.delete(folder));
    this.#running.set(folder, run);
    return run;
  }

  async #syncNearest(folder: string): Promise<void> {
    try {
      await this.#syncFolder(folder);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT" || folder === this.#root) throw error;
      await this.#syncNearest(dirname(folder));
    }
  }
}

/** fsync of one folder. A failure is final: what the kernel has dropped, a second fsync would not report. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(
    folder,
    constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW,
  );
  try {
    await handle.sync();
  } catch (error) {
    // Some network filesystems cannot sync folders and say so; their entries are durable by other means.
    if (errnoOf(error) !== "EINVAL") throw error;
  } finally {
    await handle.close();
  }
}
