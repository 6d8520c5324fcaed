import { StowageError } from "../../domain/errors.ts";
import type { AwayStorage } from "./away-storage.ts";
import type { FileStorage } from "./file-storage.ts";

/** The open storages: the primary for new uploads, and fallbacks that are only read from. */
export class Storages {
  /** Where new uploads go. */
  readonly primary: FileStorage;
  readonly #fallbacks: FileStorage[];
  #away: readonly AwayStorage[];
  #closed = false;

  /** @param away Unreachable fallbacks. */
  constructor(
    primary: FileStorage,
    fallbacks: readonly FileStorage[] = [],
    away: readonly AwayStorage[] = [],
  ) {
    this.primary = primary;
    this.#fallbacks = [...fallbacks];
    this.#away = away;
  }

  get all(): readonly FileStorage[] {
    return [...this.#fallbacks, this.primary];
  }

  /** The identities of all storages. */
  get ids(): readonly string[] {
    return this.all.map(({ id }) => id);
  }

  get fallbacks(): readonly FileStorage[] {
    return this.#fallbacks;
  }

  /** Unreachable fallbacks. */
  get away(): readonly AwayStorage[] {
    return this.#away;
  }

  /** @throws {StowageError} `storage_unavailable` if no open storage has that identity. */
  byId(id: string): FileStorage {
    const storage = this.all.find((one) => one.id === id);
    if (storage !== undefined) return storage;
    const [away] = this.#away;
    throw new StowageError(
      "storage_unavailable",
      away === undefined
        ? `Cannot reach storage ${id}: it is not configured (add it to FILE_STORAGE_FALLBACK)`
        : `Cannot reach storage ${id}: FILE_STORAGE_FALLBACK ${away.display} could not be opened yet`,
      { cause: away?.error, retryable: away !== undefined },
    );
  }

  /** Try to open every unreachable fallback. Never rejects. */
  async retryAway(): Promise<void> {
    await Promise.all(this.#away.map((away) => this.#retry(away)));
  }

  /** Release the resources of the drivers. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.all.map((storage) => storage.close()));
  }

  async #retry(away: AwayStorage): Promise<void> {
    const storage = await away.open();
    if (storage === null) return;
    // The background task and an operator may try at the same time.
    const isWanted = !this.#closed && this.#away.includes(away) && !this.ids.includes(storage.id);
    this.#away = this.#away.filter((one) => one !== away);
    if (isWanted) this.#fallbacks.push(storage);
    else await Promise.allSettled([storage.close()]);
  }
}
