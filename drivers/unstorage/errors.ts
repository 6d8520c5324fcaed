import { type ErrorCode, isStowageError, StowageError } from "../../src/driver.ts";

type ErrorMapping = readonly [code: ErrorCode, found: string, retryable: boolean];

const DENIED: ErrorMapping = ["storage_access_denied", "it denies access", false];
const READ_ONLY: ErrorMapping = ["storage_read_only", "it is read-only", false];
const FULL: ErrorMapping = ["storage_full", "it is full", true];
const TOO_LONG: ErrorMapping = ["invalid_key", "it is longer than the backend takes", false];
const OTHER: ErrorMapping = ["storage_unavailable", "the unstorage driver failed", true];

/**
 * By the code of a system call, or the first word of what Redis answers.
 *
 * @see https://man7.org/linux/man-pages/man3/errno.3.html
 * @see https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors
 */
const ERROR_MAPPINGS: Readonly<Record<string, ErrorMapping>> = {
  EACCES: DENIED,
  EPERM: DENIED,
  NOAUTH: DENIED,
  NOPERM: DENIED,
  WRONGPASS: DENIED,
  EROFS: READ_ONLY,
  READONLY: READ_ONLY,
  ENOSPC: FULL,
  EDQUOT: FULL,
  OOM: FULL,
  ENAMETOOLONG: TOO_LONG,
};

/** The error of ours for whatever a driver threw or gave back. Ours pass unchanged. */
export function toStowageError(error: unknown, item: string): StowageError {
  if (isStowageError(error)) return error;
  const { code, message } = (error ?? {}) as {
    readonly code?: unknown;
    readonly message?: unknown;
  };
  const word = typeof code === "string" ? code : (/^[A-Z]+\b/.exec(String(message))?.[0] ?? "");
  const known = Object.hasOwn(ERROR_MAPPINGS, word) ? ERROR_MAPPINGS[word] : undefined;
  const [ours, found, retryable] = known ?? OTHER;
  return new StowageError(ours, `Cannot use object in unstorage: ${found}`, {
    cause: withoutNames(error, item),
    retryable,
  });
}

/** What failed, without what names the object or holds it: logs show causes. */
function withoutNames(error: unknown, item: string): unknown {
  if (!(error instanceof Error)) return typeof error;
  const { code, syscall } = error as { code?: unknown; syscall?: unknown };
  const last = item.slice(item.lastIndexOf(":") + 1);
  let { message } = error;
  if (last !== "" && message.includes(last)) message = `${String(syscall ?? error.name)} failed`;
  return Object.assign(
    new Error(message),
    { name: error.name },
    code === undefined ? {} : { code },
  );
}

/** Whether a driver gave back an error instead of throwing it, as `fs` does; also one of another realm. */
export function isError(value: unknown): boolean {
  return value instanceof Error || Object.prototype.toString.call(value) === "[object Error]";
}
