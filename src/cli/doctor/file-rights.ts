import { access, constants, lstat, readlink, stat } from "node:fs/promises";
import { dirname, isAbsolute, parse, resolve, sep } from "node:path";
import process from "node:process";
import type { Finding } from "./check.ts";

/** Mode bits for users other than owner and group. @see https://man7.org/linux/man-pages/man7/inode.7.html */
const OTHERS = { all: 0o007, read: 0o004, write: 0o002, enter: 0o001, sticky: 0o1000 };

/** Our user id; `null` on systems without numeric user ids. */
export function ownUid(): number | null {
  return process.geteuid?.() ?? null;
}

/**
 * Whether we may read, write and enter `folder`.
 *
 * @param purpose What is stored there: `files`.
 * @returns `null` if we may.
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
        text: `${folder} is on a read-only filesystem: ${purpose} cannot be stored there`,
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
    return "a folder above it cannot be entered";
  }
}

/** Root may do what the service may not: its results can look better than they are. */
export async function findOtherOwner(path: string): Promise<Finding | null> {
  const { uid } = await stat(path);
  if (ownUid() !== 0 || uid === 0) return null;
  return {
    status: "warn",
    text: `it belongs to user ${uid}, but doctor runs as root: this does not show what stowage may do`,
    advice: `run it as the user that runs stowage: sudo -u '#${uid}' stowage doctor`,
  };
}

/** Whether every user of this machine can read or change `path`. */
export async function findOpenPermissions(path: string, what: string): Promise<Finding | null> {
  const stats = await stat(path);
  const open = stats.mode & OTHERS.all;
  const listable = stats.isDirectory() ? OTHERS.read | OTHERS.enter | OTHERS.write : OTHERS.all;
  if (ownUid() === null || (open & listable) === 0 || !(await isReachable(path))) return null;
  const does = (open & OTHERS.write) !== 0 ? "read, replace and delete" : "read";
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

/** Symbolic links in `path`, the outermost first. */
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

/** A path quoted for a shell. */
export function quoted(path: string): string {
  return /^[A-Za-z0-9._/+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

export function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(3, "0");
}
