import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, lstat, open } from "node:fs/promises";
import {
  isStowageError,
  parseStorageIdentity,
  STORAGE_IDENTITY_MAX_BYTES,
  StowageError,
} from "../../src/driver.ts";
import { errnoOf, isMissing } from "./errors.ts";

const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** An identity, and the file that it was last read from. */
interface KnownIdentity {
  readonly id: string;
  readonly file: FileFacts;
}

/** What makes a file this very one. The time is among them: another disk may give out the same numbers. */
type FileFacts = Pick<BigIntStats, "dev" | "ino" | "ctimeNs">;

/**
 * Checks that a folder still holds the opened storage: a disk may be unmounted while the server runs, or the folder
 * replaced. The file is looked up by its path each time and never kept open, because a disk with an open file cannot be
 * unmounted.
 */
export class IdentityFile {
  readonly #path: string;
  /** `null` until the identity was read. */
  #known: KnownIdentity | null = null;

  /** @param path Where the file lies. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Whether the storage has been identified. */
  get isKnown(): boolean {
    return this.#known !== null;
  }

  /** Adopt the identity in `file` as that of the storage. The first usable one counts. */
  async learn(file: FileHandle, stats: BigIntStats): Promise<void> {
    this.#known ??= await readIdentity(file, stats);
  }

  /**
   * Check that the storage is still there: one `lstat` as long as the file is the same. A file that was restored
   * from a backup is another file with the same identity, and is remembered from then on.
   *
   * @throws {StowageError} `storage_unavailable` if another storage lies there, or none.
   */
  async assertSame(): Promise<void> {
    const known = this.#known;
    if (known === null) return;
    const stats = await lstat(this.#path, { bigint: true }).catch(nullIfMissing);
    if (stats !== null && isSameFile(stats, known.file)) return;
    const found = stats === null ? null : await this.#read();
    if (found?.id !== known.id) throw this.#otherStorage();
    this.#known = found;
  }

  async #read(): Promise<KnownIdentity | null> {
    const file = await open(this.#path, OPEN_FLAGS).catch(nullIfUnusable);
    if (file === null) return null;
    try {
      return await readIdentity(file, await file.stat({ bigint: true }));
    } finally {
      await file.close();
    }
  }

  #otherStorage(): StowageError {
    return new StowageError(
      "storage_unavailable",
      `Cannot use local storage: ${this.#path} is missing or names another storage`,
      { retryable: true, advice: "mount the disk again, or restore the file" },
    );
  }
}

/** @returns `null` if the file does not hold an identity. */
async function readIdentity(file: FileHandle, stats: BigIntStats): Promise<KnownIdentity | null> {
  if (!stats.isFile()) return null;
  // One byte more than allowed shows that a file is too long.
  const buffer = new Uint8Array(STORAGE_IDENTITY_MAX_BYTES + 1);
  const { bytesRead } = await file.read(buffer, 0, buffer.byteLength, 0);
  const bytes = bytesRead > STORAGE_IDENTITY_MAX_BYTES ? null : buffer.subarray(0, bytesRead);
  try {
    return { id: parseStorageIdentity(bytes), file: stats };
  } catch (error) {
    if (isStowageError(error, "storage_misconfigured")) return null;
    throw error;
  }
}

function isSameFile(one: FileFacts, other: FileFacts): boolean {
  return one.ino === other.ino && one.dev === other.dev && one.ctimeNs === other.ctimeNs;
}

function nullIfMissing(error: unknown): null {
  if (isMissing(error)) return null;
  throw error;
}

/** Also a symbolic link is not the file that was there. */
function nullIfUnusable(error: unknown): null {
  if (errnoOf(error) === "ELOOP") return null;
  return nullIfMissing(error);
}
