import { type ErrorCode, isStowageError, StowageError } from "../../src/driver.ts";

/** What a backend's error means: our code, the reason in words, what an operator can do, and whether a retry may help. */
interface ErrorMapping {
  readonly code: ErrorCode;
  readonly reason: string;
  readonly advice?: string;
  readonly retryable?: true;
}

/** For a backend that does not answer, or fails without saying why. */
export const UNREACHABLE_ADVICE =
  "check that the service it stores in is up and reachable from here, and that the options name the right one";

const DENIED: ErrorMapping = {
  code: "storage_access_denied",
  reason: "it denies access",
  advice: "set a user and password, or a key, with read and write access",
};
const READ_ONLY: ErrorMapping = {
  code: "storage_read_only",
  reason: "it is read-only",
  advice: "name the primary server, not a replica",
};
const FULL: ErrorMapping = {
  code: "storage_full",
  reason: "it is full",
  advice: "raise its memory or quota, or delete data",
  retryable: true,
};
const TOO_LONG: ErrorMapping = {
  code: "invalid_key",
  reason: "it is longer than the backend takes",
};
const OTHER: ErrorMapping = {
  code: "storage_unavailable",
  reason: "the unstorage driver failed",
  advice: UNREACHABLE_ADVICE,
  retryable: true,
};

/** What docs/troubleshooting.md explains, in its order. */
export const EXPLANATIONS: readonly ErrorMapping[] = [DENIED, READ_ONLY, FULL, OTHER];

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
  const { code: ours, reason, advice, retryable } = known ?? OTHER;
  return new StowageError(ours, `Cannot use object in unstorage: ${reason}`, {
    cause: withoutNames(error, item),
    retryable,
    advice,
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
