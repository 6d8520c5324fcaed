import { constants } from "node:os";
import { type ErrorCode, isStowageError, StowageError } from "../../src/driver.ts";

/** What an errno means: our code, the reason in words, what an operator can do, and whether a retry may help. */
interface ErrorMapping {
  readonly code: ErrorCode;
  readonly reason: string;
  readonly advice?: string;
  readonly retryable?: true;
}

const FULL: ErrorMapping = {
  code: "storage_full",
  reason: "no space is left",
  advice: "free some space, raise the quota, or move the storage to a larger disk",
  retryable: true,
};
const DENIED: ErrorMapping = {
  code: "storage_access_denied",
  reason: "the filesystem denies access",
  advice: "let the user that runs Stowage read and write the folder and everything in it",
};
const COLLISION: ErrorMapping = {
  code: "invalid_key",
  reason: "another key is a folder of it, or it of another key",
};
const NO_LINKS: ErrorMapping = {
  code: "unsupported_option",
  reason: "the filesystem has no hard links",
  advice: "use a filesystem with hard links, such as ext4, XFS, APFS or NTFS",
};
const LIMIT_ADVICE = "raise the limit (ulimit -n, or LimitNOFILE of systemd)";

/** @see https://man7.org/linux/man-pages/man3/errno.3.html */
const ERROR_MAPPINGS: Readonly<Record<string, ErrorMapping>> = {
  ENOSPC: FULL,
  EDQUOT: FULL,
  EFBIG: {
    code: "storage_full",
    reason: "the file is longer than the filesystem or the process may write",
    advice: "raise the limit (ulimit -f), or use a filesystem that takes larger files",
  },
  EROFS: {
    code: "storage_read_only",
    reason: "the filesystem is mounted read-only",
    advice: "mount it writable; if the kernel made it read-only, the disk has errors: see dmesg",
  },
  EACCES: DENIED,
  EPERM: DENIED,
  ELOOP: {
    code: "storage_access_denied",
    reason: "a symbolic link lies there, which is not followed",
    advice: "replace the link by the folder or file that it names",
  },
  ENAMETOOLONG: { code: "invalid_key", reason: "it is longer than the filesystem takes" },
  ENOTDIR: COLLISION,
  EISDIR: COLLISION,
  ENOTEMPTY: COLLISION,
  EEXIST: COLLISION,
  EXDEV: {
    code: "storage_misconfigured",
    reason: "another filesystem is mounted inside the storage's folder",
    advice: "mount it at the storage's folder itself, or elsewhere",
  },
  ENOTSUP: NO_LINKS,
  EOPNOTSUPP: NO_LINKS,
  ENOSYS: NO_LINKS,
  ENOENT: {
    code: "storage_unavailable",
    reason: "its folder keeps vanishing",
    advice: "look for another program that removes the folder",
    retryable: true,
  },
  EMFILE: {
    code: "storage_unavailable",
    reason: "the process has too many open files",
    advice: LIMIT_ADVICE,
    retryable: true,
  },
  ENFILE: {
    code: "storage_unavailable",
    reason: "the system has too many open files",
    advice: "raise the limit of the system (fs.file-max)",
    retryable: true,
  },
};
const OTHER: ErrorMapping = {
  code: "storage_unavailable",
  reason: "the filesystem failed",
  advice: "look at the kernel's log (dmesg): the disk or its connection may be failing",
  retryable: true,
};

/** What docs/troubleshooting.md explains, in its order. */
export const EXPLANATIONS = [...new Set([...Object.values(ERROR_MAPPINGS), OTHER])].filter(
  ({ advice }) => advice !== undefined,
);

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
  const known = errno === null ? undefined : ERROR_MAPPINGS[errno];
  const { code, reason, advice, retryable } = known ?? OTHER;
  return new StowageError(code, `${cannot}: ${reason}`, {
    cause: withoutPath(error),
    retryable,
    advice,
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
