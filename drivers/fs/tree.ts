import { lstat, mkdir, realpath, rmdir } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import {
  type ObjectKey,
  OWN_FOLDER,
  STORAGE_IDENTITY_KEY,
  StowageError,
} from "../../src/driver.ts";
import { DurableFolders, syncFolder } from "./durable-folders.ts";
import { errnoOf, isMissing } from "./errors.ts";
import { IdentityFile } from "./identity-file.ts";

/** Where unfinished files lie, relative to the root. No key leads there. */
export const TEMP_FOLDER = `${OWN_FOLDER}/tmp`;

/** Others on the machine see nothing; the group may read, as backups do. The umask takes away more. */
const FOLDER_MODE = 0o750;

/** What making a folder fails with where the path itself is wrong. */
const NO_FOLDER: ReadonlySet<string> = new Set([
  "EEXIST",
  "ENOTDIR",
  "ENOENT",
  "ELOOP",
  "ENAMETOOLONG",
]);

/** Where an object's file is. */
export interface Place {
  readonly path: string;
  readonly folder: string;
}

/**
 * The folders of one storage. Maps keys to paths, and ensures that no path leads out of the root.
 *
 * Symbolic links below the root are never followed. Folders are checked before use. A process that can swap one between
 * check and use already has our rights here.
 */
export class Tree {
  /** Absolute and free of symbolic links. */
  readonly root: string;
  readonly durable: DurableFolders;
  readonly identity: IdentityFile;

  private constructor(root: string) {
    this.root = root;
    this.durable = new DurableFolders(root);
    this.identity = new IdentityFile(join(root, STORAGE_IDENTITY_KEY));
  }

  /**
   * Open the folder `path` (relative to the working directory), durably made if it is missing and need not
   * be `existing`.
   *
   * @throws {StowageError} `storage_misconfigured` if it is no folder; `retryable` where a disk that is mounted
   *   later may bring it.
   */
  static async open(path: string, existing: boolean): Promise<Tree> {
    const absolute = resolve(path);
    if (existing) return await Tree.#find(absolute);
    try {
      const firstMade = await mkdir(absolute, { recursive: true, mode: FOLDER_MODE });
      if (firstMade !== undefined) {
        for (let made = absolute; made.length >= firstMade.length; made = dirname(made)) {
          await syncFolder(dirname(made));
        }
      }
      return new Tree(await realpath(absolute));
    } catch (cause) {
      if (!NO_FOLDER.has(errnoOf(cause) ?? "")) throw cause;
      throw new StowageError(
        "storage_misconfigured",
        `Cannot open local storage: ${absolute} is not a folder, and cannot become one`,
        { cause, advice: "correct FILE_STORAGE_PATH, or remove the file that is in the way" },
      );
    }
  }

  static async #find(absolute: string): Promise<Tree> {
    try {
      const root = await realpath(absolute);
      if ((await lstat(root)).isDirectory()) return new Tree(root);
    } catch (cause) {
      if (!NO_FOLDER.has(errnoOf(cause) ?? "")) throw cause;
    }
    throw new StowageError(
      "storage_misconfigured",
      `Cannot open local storage: there is no folder ${absolute}`,
      { retryable: true, advice: "mount its disk, or correct the path" },
    );
  }

  /** @throws {StowageError} `invalid_key` for what would lie outside the root, or among unfinished files. */
  locate(key: ObjectKey): Place {
    const path = join(this.root, key);
    const confined =
      path === `${this.root === sep ? "" : this.root}${sep}${key.replaceAll("/", sep)}`;
    if (confined && `${key}/`.startsWith(`${TEMP_FOLDER}/`) === false) {
      return { path, folder: dirname(path) };
    }
    throw new StowageError(
      "invalid_key",
      "Cannot use object key: local storage keeps no objects there",
    );
  }

  /**
   * Check that no symbolic link lies on the way to `folder`, in one system call's round trip.
   *
   * @throws `ENOENT` or `ENOTDIR` if it is missing; {@link StowageError} if a link lies there.
   */
  async confirm(folder: string): Promise<void> {
    if (folder === this.root || (await realpath(folder)) === folder) return;
    throw new StowageError(
      "storage_access_denied",
      "Cannot use object in local storage: a symbolic link lies on the way, which is not followed",
    );
  }

  /** Make `folder` and what is missing above it, but never the root. May be gone again at once. */
  async makeFolder(folder: string): Promise<void> {
    if (folder === this.root) return;
    const parent = dirname(folder);
    try {
      await this.confirm(parent);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
      await this.makeFolder(parent);
    }
    try {
      await mkdir(folder, { mode: FOLDER_MODE });
      this.durable.forget(folder);
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw error;
      await this.confirm(folder);
    }
  }

  /** Remove `folder` and what is empty above it, then make durable that this and its files are gone. */
  async prune(folder: string): Promise<void> {
    let current = folder;
    while (current !== this.root) {
      try {
        await rmdir(current);
        this.durable.forget(current);
      } catch (error) {
        // In use, or not ours to remove: an empty folder is no object, so it may as well stay.
        if (!isMissing(error)) break;
      }
      current = dirname(current);
    }
    await this.durable.sync(current);
  }

  /**
   * Distinguish "nothing is there" from "the whole storage is gone" (a disk that is not mounted).
   *
   * @throws {StowageError} `storage_unavailable` if the root is missing, or holds another storage by now.
   */
  async assertPresent(): Promise<void> {
    if (this.identity.isKnown) return await this.identity.assertSame();
    try {
      await lstat(this.root);
    } catch (error) {
      if (!isMissing(error)) throw error;
      throw new StowageError(
        "storage_unavailable",
        "Cannot use local storage: its folder is gone",
        { cause: error, retryable: true, advice: "mount its disk again, or restore the folder" },
      );
    }
  }
}
