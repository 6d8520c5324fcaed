import type { Dirent } from "node:fs";
import { opendir } from "node:fs/promises";
import { join } from "node:path";
import { compareUtf8, isStowageError, OWN_FOLDER } from "../../src/driver.ts";
import { isMissing } from "./errors.ts";
import { TEMP_FOLDER, type Tree } from "./tree.ts";

/** Names held of one folder at a time: the next so many in order. Larger folders are read again. */
const WINDOW_NAMES = 1024;
/** Entries a system call hands over. */
const READ_AHEAD_ENTRIES = 256;

/** Which keys are wanted. */
export interface Selection {
  readonly prefix: string;
  /** Only keys behind this one. */
  readonly after: string;
}

/**
 * Keys of regular files, in the order of their bytes. Symbolic links, pipes and names that are no UTF-8 are
 * passed over; memory does not grow with the size of a folder.
 */
export async function* walkKeys(tree: Tree, selection: Selection): AsyncGenerator<string> {
  const base = selection.prefix.slice(0, selection.prefix.lastIndexOf("/") + 1);
  const isFolder = base.split("/").slice(0, -1).every(isSegment);
  if (!isFolder || selection.prefix.includes("\0") || base.startsWith(`${TEMP_FOLDER}/`)) return;
  try {
    await tree.confirm(join(tree.root, base.slice(0, -1)));
  } catch (error) {
    // Behind a symbolic link nothing is listed.
    if (isStowageError(error, "storage_access_denied")) return;
    if (!isMissing(error)) throw error;
    return await tree.assertPresent();
  }
  yield* walkFolder(tree, base, selection);
}

/** @param base The folder as keys begin with it: empty, or with a slash at its end. */
async function* walkFolder(tree: Tree, base: string, selection: Selection): AsyncGenerator<string> {
  let last = "";
  for (;;) {
    const paths = await nextPaths(tree, base, selection, last);
    for (const path of paths) {
      if (path.endsWith("/")) yield* walkFolder(tree, path, selection);
      else yield path;
    }
    if (paths.length < WINDOW_NAMES) return;
    last = paths.at(-1) ?? last;
  }
}

/**
 * The first paths behind `last` in a folder, folders with their slash: with it they sort as the keys below
 * them do (`a.b` before `a/b`).
 */
async function nextPaths(
  tree: Tree,
  base: string,
  selection: Selection,
  last: string,
): Promise<string[]> {
  const paths: string[] = [];
  try {
    const folder = await opendir(join(tree.root, base), { bufferSize: READ_AHEAD_ENTRIES });
    for await (const entry of folder) {
      const path = pathOf(base, entry);
      if (path === null || !isWanted(path, selection) || compareUtf8(path, last) <= 0) continue;
      paths.push(path);
      if (paths.length >= 2 * WINDOW_NAMES) keepFirst(paths);
    }
  } catch (error) {
    // Deleted since its name was read; a missing root is not an empty storage.
    if (!isMissing(error)) throw error;
    await tree.assertPresent();
  }
  keepFirst(paths);
  return paths;
}

function keepFirst(paths: string[]): void {
  paths.sort(compareUtf8);
  paths.length = Math.min(paths.length, WINDOW_NAMES);
}

function pathOf(base: string, entry: Dirent): string | null {
  if (entry.isFile()) return base + entry.name;
  return entry.isDirectory() ? `${base}${entry.name}/` : null;
}

function isWanted(path: string, { prefix, after }: Selection): boolean {
  if (path === `${OWN_FOLDER}/` && !prefix.startsWith(path)) return false;
  if (path === `${TEMP_FOLDER}/`) return false;
  // A folder is wanted for what lies below it, so it may be shorter than the prefix or the cursor.
  const below = path.endsWith("/");
  if (!path.startsWith(prefix) && !(below && prefix.startsWith(path))) return false;
  return compareUtf8(path, after) > 0 || (below && after.startsWith(path));
}

function isSegment(text: string): boolean {
  return text !== "" && text !== "." && text !== "..";
}
