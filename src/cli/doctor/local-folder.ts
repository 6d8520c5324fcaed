import { existsSync, statSync } from "node:fs";
import { access, constants, lstat, opendir, realpath, rmdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { OWN_FOLDER } from "../../domain/object-key.ts";
import type { Finding } from "./check.ts";
import {
  findDenied,
  findExposure,
  findOtherOwner,
  linksOnTheWay,
  ownUid,
  quoted,
} from "./file-rights.ts";
import { findNetworkFilesystem, spaceFindings } from "./filesystem.ts";

/** Tenants that are looked at for a disk of their own. */
const MAX_TENANTS = 1000;

/** Whether a folder may still have to be made, or never can be. @returns `null` if it is there. */
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
    return { status: "ok", text: "the folder is not there yet: the first start makes it" };
  } catch {
    return {
      status: "fail",
      text: `the folder is not there and cannot be made: ${above} is not writable`,
      advice: `make it as root: install -d -o ${ownUid()} -m 750 ${quoted(folder)}; or correct FILE_STORAGE_PATH`,
    };
  }
}

/**
 * How the folder lies on the disk, and who may do what in it.
 *
 * @param maxUploadBytes The largest file it has to take; `null` where it is only read from.
 * @returns Whether it can be written to: if not, everything else would fail for the same reason.
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
  for (const find of [findOtherOwner(real), findExposure(real, "the files"), findMixedCase(real)]) {
    const finding = await find;
    if (finding !== null) yield finding;
  }
  const network = await findNetworkFilesystem(real);
  if (network !== null) {
    yield {
      status: "warn",
      text: `${folder} is on a network filesystem (${network}): what it calls stored may be lost with its server, and every request waits for the network`,
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
        text: `${text}, in a folder that everybody may write to: anyone can point it somewhere else`,
        advice: `set FILE_STORAGE_PATH=${quoted(await realpath(folder))}`,
      };
    }
  }
}

/** Where `Uploads` and `uploads` are one, so are the tenants `Acme` and `acme`. */
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
    text: `this filesystem takes ${name} and ${swapped} for one: tenants whose ids differ only so share a folder there`,
    advice: "use a case-sensitive filesystem (ext4, xfs, case-sensitive APFS), or such ids only",
  };
}

/** Files are written below `.stowage` and renamed into place, which no filesystem does with another. */
async function* mountFindings(root: string): AsyncIterable<Finding> {
  const { dev } = await stat(root);
  const own = join(root, OWN_FOLDER);
  for (const place of [own, join(own, "tmp"), ...(await foldersIn(root))]) {
    const found = await lstat(place).catch(() => null);
    if (found === null || found.dev === dev) continue;
    yield {
      status: "fail",
      text: `${place} is a disk of its own: files are written in ${join(own, "tmp")} and then moved, which fails from one disk to another`,
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

/** The first folder above `path` that is there. */
export function nearestFolder(path: string): string {
  const above = dirname(resolve(path));
  return existsSync(above) || above === dirname(above) ? above : nearestFolder(above);
}

/** Remember which folders of ours are there. @returns What removes the others again, if they are empty. */
export function rememberFolders(path: string): () => Promise<void> {
  const own = join(resolve(path), OWN_FOLDER);
  const missing = [join(own, "tmp"), own].filter((folder) => !existsSync(folder));
  return async () => {
    for (const folder of missing) await rmdir(folder).catch(() => {});
  };
}
