import { lstat } from "node:fs/promises";
import { STORAGE_IDENTITY_KEY, StowageError } from "../../src/driver.ts";
import { guard } from "./errors.ts";
import { type OpenedObject, openObject } from "./objects.ts";
import type { Tree } from "./tree.ts";

/**
 * Open the file that names the storage.
 *
 * @returns `null` if there is none.
 * @throws {StowageError} Naming the file: the error may stop a start, and the operator has to mend that file.
 */
export async function openIdentity(tree: Tree): Promise<OpenedObject | null> {
  const place = tree.locate(STORAGE_IDENTITY_KEY);
  return await guard(async () => {
    const opened = await openObject(tree, place);
    if (opened === null) await assertNoFolder(place.path);
    return opened;
  }, `Cannot read ${place.path}`);
}

/** A folder is not an object, but in this place it would pass for a storage that was never used. */
async function assertNoFolder(path: string): Promise<void> {
  const stats = await lstat(path).catch(() => null);
  if (stats?.isDirectory() !== true) return;
  throw new StowageError(
    "storage_misconfigured",
    `Cannot read ${path}: it is a folder, not a file (restore the file from a backup)`,
  );
}
