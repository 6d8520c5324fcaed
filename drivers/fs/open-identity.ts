import { lstat } from "node:fs/promises";
import { STORAGE_IDENTITY_KEY, StowageError } from "../../src/driver.ts";
import { guard } from "./errors.ts";
import { type OpenedObject, openObject } from "./objects.ts";
import type { Tree } from "./tree.ts";

/**
 * Open the file that names the storage. From then on the tree knows which storage it is.
 *
 * @returns `null` if there is none.
 * @throws {StowageError} Naming the file: the error may stop a start, and the operator has to mend that file.
 */
export async function openIdentity(tree: Tree): Promise<OpenedObject | null> {
  const place = tree.locate(STORAGE_IDENTITY_KEY);
  return await guard(async () => {
    const opened = await openObject(tree, place);
    if (opened === null) await assertNoFolder(place.path);
    else await learn(tree, opened);
    return opened;
  }, `Cannot read ${place.path}`);
}

async function learn(tree: Tree, { file, stats }: OpenedObject): Promise<void> {
  try {
    await tree.identity.learn(file, stats);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** A folder is not an object, but in this place it would pass for a storage that was never used. */
async function assertNoFolder(path: string): Promise<void> {
  const stats = await lstat(path).catch(() => null);
  if (stats?.isDirectory() !== true) return;
  throw new StowageError(
    "storage_misconfigured",
    `Cannot read ${path}: it is a folder, not a file`,
    { advice: "restore the file from a backup" },
  );
}
