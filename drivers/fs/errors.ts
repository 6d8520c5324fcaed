import { constants } from "node:os";
import { type ErrorCode, isStowageError, StowageError } from "../../src/driver.ts";

/** Maps an errno to a code, a reason, and whether a retry may help. */
type ErrorMapping = readonly [code: ErrorCode, found: string, retryable?: "retryable"];

const FULL: ErrorMapping = ["storage_full", "no space is left", "retryable"];
const DENIED: ErrorMapping = ["storage_access_denied", "the filesystem denies access"];
const COLLISION: ErrorMapping = [
  "invalid_key",
  "another key is a folder of it, or it of another key",
];
const NO_LINKS: ErrorMapping = ["unsupported_option", "the filesystem has no hard links"];

/** @see https://man7.org/linux/man-pages/man3/errno.3.html */
const ERROR_MAPPINGS: Readonly<Record<string, ErrorMapping>> = {
  ENOSPC: FULL,
  EDQUOT: FULL,
  EFBIG: ["storage_full", "the file is longer than the filesystem or the process may write"],
  EROFS: ["storage_read_only", "the filesystem is mounted read-only"],
  EACCES: DENIED,
  EPERM: DENIED,
  ELOOP: ["storage_access_denied", "a symbolic link lies there, which is not followed"],
  ENAMETOOLONG: ["invalid_key", "it is longer than the filesystem takes"],
  ENOTDIR: COLLISION,
  EISDIR: COLLISION,
  ENOTEMPTY: COLLISION,
  EEXIST: COLLISION,
  EXDEV: ["storage_misconfigured", "another filesystem is mounted inside the storage's folder"],
  ENOTSUP: NO_LINKS,
  EOPNOTSUPP: NO_LINKS,
  ENOSYS: NO_LINKS,
  ENOENT: ["storage_unavailable", "its folder keeps vanishing", "retryable"],
  EMFILE: ["storage_unavailable", "the process has too many open files", "retryable"],
  ENFILE: ["storage_unavailable", "the system has too many open files", "retryable"],
};
const OTHER: ErrorMapping = ["storage_unavailable", "the filesystem failed", "retryable"];

/** The name of a failed system call's error (`ENOENT`), or `null` for any other error. */
export function errnoOf(error: unknown): string | null {
  if (!(error instanceof Error) || isStowageError(error)) return null;
  const { code, errno } = error as NodeJS.ErrnoException;
  // libuv has no name for some, such as EDQUOT. Then look up the number.
  if (code !== undefined && code in constants.errno) return code;
  const known = Object.entries(constants.errno).find(([, number]) => -number === errno);
  return known?.[0] ?? code ?? null;
}

/** Whether nothing exists at a path: it is missing, a parent is a file, or the name is too long. */
export function isMissing(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "ENAMETOOLONG"].includes(errnoOf(error) ?? "");
}

/** Convert the error of a system call. A StowageError passes unchanged. */
export function toStowageError(
  error: unknown,
  cannot = "Cannot use object in local storage",
): StowageError {
  if (isStowageError(error)) return error;
  const errno = errnoOf(error);
  const [code, found, retryable] = (errno === null ? undefined : ERROR_MAPPINGS[errno]) ?? OTHER;
  return new StowageError(code, `${cannot}: ${found}`, {
    cause: withoutPath(error),
    retryable: retryable === "retryable",
    data: { errno },
  });
}

/** The failure without path, message and stack, because logs show causes and these would name the object. */
function withoutPath(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, errno, syscall } = error as NodeJS.ErrnoException;
  if (syscall === undefined) return error;
  return Object.assign(new Error(`${syscall} failed`), { code, errno, syscall });
}

/** Run system calls and convert their errors. `cannot` begins the message. */
export async function guard<Result>(
  calls: () => Promise<Result>,
  cannot?: string,
): Promise<Result> {
  try {
    return await calls();
  } catch (error) {
    throw toStowageError(error, cannot);
  }
}
