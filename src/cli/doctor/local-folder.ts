import { existsSync, statSync } from "node:fs";
import { access, constants, lstat, opendir, realpath, rmdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { OWN_FOLDER } from "../../domain/object-key.ts";
import { nearestFolder } from "../../runtime/nearest-folder.ts";
import type { Finding } from "./check.ts";
import {
  findDenied,
  findOpenPermissions,
  findOtherOwner,
  linksOnTheWay,
  ownUid,
  quoted,
} from "./file-rights.ts";
import { findNetworkFilesystem, spaceFindings } from "./filesystem.ts";

/** How many tenants' folders are checked for being on a separate disk. */
const MAX_TENANTS = 1000;

/** Whether the folder can be created. @returns `null` if it exists. */
export async function lookForFolder(path: string): Promise<Finding | null> {
  const folder = resolve(path);
  if (existsSync(folder)) {
    if (statSync(folder).isDirectory()) return null;
    const advice = "correct FILE_STORAGE_PATH, or move the file away";
    return { status: "fail", text: `${folder} is a file, not a folder`, advice };
  }
  const above = nearestFolder(folder);
  try {
    await access(above, constants.W_OK | constants.X_OK);
    return { status: "ok", text: "the folder does not exist yet: the first start creates it" };
  } catch {
    return {
      status: "fail",
      text: `the folder does not exist and cannot be created: ${above} is not writable`,
      advice: `create it as root: install -d -o ${ownUid()} -m 750 ${quoted(folder)}; or correct FILE_STORAGE_PATH`,
    };
  }
}

/**
 * The folder's permissions, links, filesystem and free space.
 *
 * @param maxUploadBytes The largest file it must hold; `null` if it is only read from.
 * @returns Whether it can be written to: if not, every other check would fail for the same reason.
 */
export async function* lookAtFolder(
  path: string,
  maxUploadBytes: number | null,
): AsyncGenerator<Finding, boolean> {
  const folder = resolve(path);
  const denied = maxUploadBytes === null ? null : await findDenied(folder, "files");
  if (denied !== null) {
    yield denied;
    return false;
  }
  yield* linkFindings(folder);
  const real = await realpath(folder);
  for (const find of [
    findOtherOwner(real),
    findOpenPermissions(real, "the files"),
    findMixedCase(real),
  ]) {
    const finding = await find;
    if (finding !== null) yield finding;
  }
  const network = await findNetworkFilesystem(real);
  if (network !== null) {
    yield {
      status: "warn",
      text: `${folder} is on a network filesystem (${network}): files reported as stored may be lost if its server fails, and every request waits for the network`,
      advice: "keep files on a disk of this machine, or in a bucket: FILE_STORAGE_TYPE=s3",
    };
  }
  yield* mountFindings(real);
  if (maxUploadBytes !== null) yield* spaceFindings(real, maxUploadBytes);
  return true;
}

async function* linkFindings(folder: string): AsyncIterable<Finding> {
  for (const { link, target, risky } of await linksOnTheWay(folder)) {
    const text = `${link} is a symbolic link to ${target}`;
    if (!risky) yield { status: "ok", text };
    else {
      yield {
        status: "warn",
        text: `${text}, in a world-writable folder: anyone can point it elsewhere`,
        advice: `set FILE_STORAGE_PATH=${quoted(await realpath(folder))}`,
      };
    }
  }
}

/** Where `Uploads` and `uploads` are the same folder, so are those of the tenants `Acme` and `acme`. */
async function findMixedCase(folder: string): Promise<Finding | null> {
  const name = basename(folder);
  const swapped = name === name.toLowerCase() ? name.toUpperCase() : name.toLowerCase();
  if (swapped === name) return null;
  const [here, there] = await Promise.all([
    stat(folder),
    stat(join(dirname(folder), swapped)).catch(() => null),
  ]);
  if (there === null || there.ino !== here.ino || there.dev !== here.dev) return null;
  return {
    status: "warn",
    text: `this filesystem ignores case (${name} and ${swapped} are the same): tenants whose ids differ only in case share a folder`,
    advice:
      "use a case-sensitive filesystem (ext4, xfs, case-sensitive APFS), or ids that differ in more than case",
  };
}

/** Files are written below `.stowage` and renamed into place, which fails across filesystems. */
async function* mountFindings(root: string): AsyncIterable<Finding> {
  const { dev } = await stat(root);
  const own = join(root, OWN_FOLDER);
  for (const place of [own, join(own, "tmp"), ...(await foldersIn(root))]) {
    const found = await lstat(place).catch(() => null);
    if (found === null || found.dev === dev) continue;
    yield {
      status: "fail",
      text: `${place} is on a separate disk: files are written to ${join(own, "tmp")} and then renamed, which fails across disks`,
      advice: `unmount it (umount ${quoted(place)}), and mount the disk at ${quoted(root)} instead`,
    };
    return;
  }
}

async function foldersIn(root: string): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const entry of await opendir(root)) {
    if (entry.isDirectory()) names.push(join(root, entry.name));
    if (names.length >= MAX_TENANTS) break;
  }
  return names;
}

/** Remember which of our folders exist. @returns A function that removes the others, if they are empty. */
export function rememberFolders(path: string): () => Promise<void> {
  const own = join(resolve(path), OWN_FOLDER);
  const missing = [join(own, "tmp"), own].filter((folder) => !existsSync(folder));
  return async () => {
    for (const folder of missing) await rmdir(folder).catch(() => {});
  };
}
