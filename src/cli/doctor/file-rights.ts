import { access, constants, lstat, readlink, stat } from "node:fs/promises";
import { dirname, isAbsolute, parse, resolve, sep } from "node:path";
import process from "node:process";
import type { Finding } from "./check.ts";

/** Bits of a mode for others than owner and group. @see https://man7.org/linux/man-pages/man7/inode.7.html */
const OTHERS = { all: 0o007, read: 0o004, write: 0o002, enter: 0o001, sticky: 0o1000 };

/** Who we are to the system; `null` where users have no numbers. */
export function ownUid(): number | null {
  return process.geteuid?.() ?? null;
}

/**
 * Whether we may read, write and enter `folder`, in words if we may not.
 *
 * @param purpose What is kept there: `files`.
 */
export async function findDenied(folder: string, purpose: string): Promise<Finding | null> {
  try {
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return null;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "EROFS") {
      return {
        status: "fail",
        text: `${folder} is on a filesystem that is mounted read-only: no ${purpose} can be kept there`,
        detail: message,
        advice: `mount it writable: mount -o remount,rw $(stat -c %m ${quoted(folder)}), or leave out :ro where a container mounts it; if it was writable before, look for disk errors: dmesg | tail`,
      };
    }
    return {
      status: "fail",
      text: `user ${ownUid()} may not read and write ${folder}: ${await ownership(folder)}`,
      detail: message,
      advice: `give it to the user that runs stowage: sudo chown -R ${ownUid()} ${quoted(folder)}`,
    };
  }
}

async function ownership(path: string): Promise<string> {
  try {
    const { uid, gid, mode } = await stat(path);
    return `it belongs to user ${uid}, group ${gid}, mode ${octal(mode)}`;
  } catch {
    return "a folder on the way to it may not be entered";
  }
}

/** Who runs this but does not own it, with rights that the service may not have, sees too rosy a picture. */
export async function findOtherOwner(path: string): Promise<Finding | null> {
  const { uid } = await stat(path);
  if (ownUid() !== 0 || uid === 0) return null;
  return {
    status: "warn",
    text: `it belongs to user ${uid}, and this is root, who may do anything: what stowage may do, this does not show`,
    advice: `run it as the user that runs stowage: sudo -u '#${uid}' stowage doctor`,
  };
}

/** Whether anybody on this machine can look into `path`, or worse. */
export async function findExposure(path: string, what: string): Promise<Finding | null> {
  const stats = await stat(path);
  const open = stats.mode & OTHERS.all;
  const listable = stats.isDirectory() ? OTHERS.read | OTHERS.enter | OTHERS.write : OTHERS.all;
  if (ownUid() === null || (open & listable) === 0 || !(await isReachable(path))) return null;
  const does = (open & OTHERS.write) !== 0 ? "read, replace and delete" : "look into";
  return {
    status: "warn",
    text: `every user of this machine may ${does} ${what} (mode ${octal(stats.mode)})`,
    advice: `chmod o-rwx ${quoted(path)}`,
  };
}

/** Whether every folder above lets others through. */
async function isReachable(path: string): Promise<boolean> {
  for (let above = dirname(path); ; above = dirname(above)) {
    if (((await stat(above)).mode & OTHERS.enter) === 0) return false;
    if (dirname(above) === above) return true;
  }
}

/** Symbolic links on the way to `path`, the outermost first. */
export async function linksOnTheWay(
  path: string,
): Promise<readonly { readonly link: string; readonly target: string; readonly risky: boolean }[]> {
  const found = [];
  let place = parse(path).root;
  for (const part of path.slice(place.length).split(sep)) {
    const folder = place;
    place = resolve(place, part);
    if (!(await lstat(place)).isSymbolicLink()) continue;
    const target = await readlink(place);
    const { mode } = await stat(folder);
    const risky = (mode & OTHERS.write) !== 0 && (mode & OTHERS.sticky) === 0;
    found.push({
      link: place,
      target: isAbsolute(target) ? target : resolve(folder, target),
      risky,
    });
  }
  return found;
}

/** A path as a shell takes it. */
export function quoted(path: string): string {
  return /^[A-Za-z0-9._/+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

export function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(3, "0");
}
