import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, link, lstat, open, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { type ObjectKey, type StoredObject, StowageError } from "../../src/driver.ts";
import { errnoOf, isMissing } from "./errors.ts";
import type { Place, Tree } from "./tree.ts";

/** Node's thread pool has four threads: more calls at once would only wait there. */
const PARALLEL_CALLS = 4;
/** A folder that vanishes between being made and being used is made again; so often only under attack. */
const PLACE_ATTEMPTS = 100;
/** Without O_NONBLOCK, opening a pipe in the tree would block until it has a writer. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * The object that a file holds. Its version combines time, size and inode: a replaced file has another inode while the
 * old one is open or named, and another time later.
 */
export function toStoredObject(key: ObjectKey, stats: BigIntStats): StoredObject {
  const version = [stats.mtimeNs, stats.size, stats.ino].map((fact) => fact.toString(36)).join("-");
  return {
    key,
    sizeBytes: Number(stats.size),
    version,
    modifiedAt: Number(stats.mtimeMs),
  };
}

/** Facts of the object's file, or `null` if none is there. @throws For links, pipes and the like. */
export async function statObject(tree: Tree, place: Place): Promise<BigIntStats | null> {
  try {
    await tree.confirm(place.folder);
    return onlyFile(await lstat(place.path, { bigint: true }));
  } catch (error) {
    if (!isMissing(error)) throw error;
    await tree.assertPresent();
    return null;
  }
}

/** An object's file, open for reading. */
export interface OpenedObject {
  readonly file: FileHandle;
  readonly stats: BigIntStats;
}

/** Open the object's file for reading. @returns `null` if none is there. */
export async function openObject(tree: Tree, place: Place): Promise<OpenedObject | null> {
  let file: FileHandle;
  try {
    await tree.confirm(place.folder);
    file = await open(place.path, OPEN_FLAGS);
  } catch (error) {
    if (!isMissing(error)) throw error;
    await tree.assertPresent();
    return null;
  }
  try {
    const stats = onlyFile(await file.stat({ bigint: true }));
    if (stats === null) await file.close();
    return stats === null ? null : { file, stats };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Returns `null` for a folder, which is normal: it holds other keys. */
function onlyFile(stats: BigIntStats): BigIntStats | null {
  if (stats.isFile()) return stats;
  if (stats.isDirectory()) return null;
  throw new StowageError(
    "storage_access_denied",
    "Cannot use object in local storage: a link, pipe or device lies there",
  );
}

/**
 * Give a complete file its name, making the folders it needs. A concurrent delete may remove a folder that
 * is still empty: then it is made again.
 *
 * @param exclusive Exactly one of several racing writers wins; the file keeps its old name, too.
 */
export async function moveInto(
  tree: Tree,
  file: string,
  place: Place,
  exclusive: boolean,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await tree.makeFolder(place.folder);
      // link(2) fails where rename(2) would replace.
      return await (exclusive ? link(file, place.path) : rename(file, place.path));
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === "EEXIST" && exclusive && (await statObject(tree, place)) !== null) {
        throw keyTaken();
      }
      if (errno !== "ENOENT" || attempt === PLACE_ATTEMPTS) throw error;
      await tree.assertPresent();
      await assertStillThere(file);
    }
  }
}

/** The file is gone if its write was taken for dead, or if the upload that it belongs to was deleted. */
async function assertStillThere(file: string): Promise<void> {
  try {
    await lstat(file);
  } catch (cause) {
    if (!isMissing(cause)) throw cause;
    throw new StowageError(
      "storage_unavailable",
      "Cannot store object: its unfinished file was removed meanwhile",
      { cause, retryable: true },
    );
  }
}

/** Remove the folders that a put has made and could not fill. Never fails: the put's own error counts. */
export async function removeEmpty(tree: Tree, folder: string): Promise<void> {
  try {
    // Checked again: it may be a symbolic link that made the put fail, and nothing is removed behind one.
    if (await exists(tree, folder)) await tree.prune(folder);
  } catch {
    // An empty folder is no object; the next delete below it takes it along.
  }
}

export function keyTaken(): StowageError {
  return new StowageError("object_exists", "Cannot store object: its key is taken");
}

/** Delete files of one folder, and make that durable. @returns What went wrong, by key. */
export async function deleteInFolder(
  tree: Tree,
  folder: string,
  keys: readonly ObjectKey[],
): Promise<Map<ObjectKey, unknown>> {
  const failures = new Map<ObjectKey, unknown>();
  try {
    if (await exists(tree, folder)) {
      for (const key of keys) {
        await deleteFile(tree, key).catch((error: unknown) => failures.set(key, error));
      }
    }
    // Also if nothing was there: an earlier delete may have crashed before it was durable.
    await tree.prune(folder);
  } catch (error) {
    for (const key of keys) failures.set(key, failures.get(key) ?? error);
  }
  return failures;
}

async function exists(tree: Tree, folder: string): Promise<boolean> {
  try {
    await tree.confirm(folder);
    return true;
  } catch (error) {
    if (!isMissing(error)) throw error;
    await tree.assertPresent();
    return false;
  }
}

async function deleteFile(tree: Tree, key: ObjectKey): Promise<void> {
  const { path } = tree.locate(key);
  try {
    await unlink(path);
  } catch (error) {
    if (isMissing(error) || errnoOf(error) === "EISDIR") return;
    // POSIX lets unlink(2) answer EPERM for a folder, and macOS does.
    if (errnoOf(error) === "EPERM" && (await lstat(path)).isDirectory()) return;
    throw error;
  }
}

/** The objects of `keys` in their order, without those that were deleted in the meantime. */
export async function toStoredObjects(
  tree: Tree,
  keys: readonly ObjectKey[],
): Promise<StoredObject[]> {
  const found: (StoredObject | undefined)[] = [];
  await inParallel(keys.entries(), async ([index, key]) => {
    try {
      const stats = await lstat(join(tree.root, key), { bigint: true });
      if (stats.isFile()) found[index] = toStoredObject(key, stats);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  });
  return found.filter((object) => object !== undefined);
}

/** Work on every item, a few at a time. */
export async function inParallel<Item>(
  items: Iterable<Item>,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  // All workers take from one iterator.
  const queue = items[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let next = queue.next(); next.done !== true; next = queue.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: PARALLEL_CALLS }, worker));
}
