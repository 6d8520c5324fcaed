import { StowageError } from "../domain/errors.ts";
import type { FileStorage } from "./file-storage.ts";

/** The storages at hand: one that takes new uploads, and older ones that are still read from. */
export class Storages {
  /** Takes new uploads. */
  readonly primary: FileStorage;
  readonly #byId = new Map<string, FileStorage>();

  constructor(primary: FileStorage, fallbacks: readonly FileStorage[] = []) {
    this.primary = primary;
    // The primary last: the same storage named twice is the primary.
    for (const storage of [...fallbacks, primary]) this.#byId.set(storage.id, storage);
  }

  get all(): readonly FileStorage[] {
    return [...this.#byId.values()];
  }

  /** The identities of all of them. */
  get ids(): readonly string[] {
    return [...this.#byId.keys()];
  }

  /** @throws {StowageError} `storage_unavailable` if no storage with that identity is configured. */
  byId(id: string): FileStorage {
    const storage = this.#byId.get(id);
    if (storage !== undefined) return storage;
    throw new StowageError(
      "storage_unavailable",
      `Cannot reach storage ${id}: it is not configured (name it in FILE_STORAGE_FALLBACK)`,
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((storage) => storage.close()));
  }
}
