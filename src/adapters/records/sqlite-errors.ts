import { isStowageError, StowageError } from "../../domain/errors.ts";

/**
 * The primary result codes of SQLite that are handled specially. All others count as temporary: a lock, a failing disk, a
 * missing file.
 *
 * @see https://www.sqlite.org/rescode.html
 */
const PRIMARY_CODES: Readonly<Record<number, string>> = {
  1: "ERROR",
  5: "BUSY",
  13: "FULL",
  18: "TOOBIG",
  19: "CONSTRAINT",
  20: "MISMATCH",
  21: "MISUSE",
  25: "RANGE",
};

/** Invalid queries. Retrying does not help. */
const INVALID_QUERY = new Set([
  "ERROR",
  "TOOBIG",
  "CONSTRAINT",
  "MISMATCH",
  "MISUSE",
  "RANGE",
  "TYPE",
]);

/** Whether another connection holds the lock. The same call may succeed soon. */
export function isBusy(error: unknown): boolean {
  return sqliteCode(error) === "BUSY";
}

/** Convert an error of `node:sqlite` or D1 to one that an executor may throw. */
export function toRecordsError(error: unknown): StowageError {
  if (isStowageError(error)) return error;
  const code = sqliteCode(error);
  if (code === "FULL") {
    return new StowageError("records_full", "Cannot write records: the database is full", {
      cause: error,
      retryable: true,
    });
  }
  if (code === "CONSTRAINT" && messageOf(error).includes("UNIQUE constraint")) {
    return new StowageError(
      "upload_conflict",
      "Cannot write record: another record has the same id or key",
      { cause: error },
    );
  }
  if (INVALID_QUERY.has(code)) {
    return new StowageError("internal", "Cannot query records: the database rejected the query", {
      cause: error,
    });
  }
  return new StowageError("records_unavailable", `Cannot reach records: ${stateOf(error)}`, {
    cause: error,
    retryable: true,
  });
}

/** SQLite's text for a result code. It is fixed and contains neither paths nor values. */
function stateOf(error: unknown): string {
  const { errstr } = error as { readonly errstr?: unknown };
  return typeof errstr === "string" ? errstr : "the database does not respond";
}

/** The name of the result code without `SQLITE_`: from the number that `node:sqlite` gives, or D1's text. */
function sqliteCode(error: unknown): string {
  const { errcode, code } = error as { readonly errcode?: unknown; readonly code?: unknown };
  if (typeof errcode === "number") return PRIMARY_CODES[errcode & 0xff] ?? "OTHER";
  if (code === "ERR_INVALID_ARG_TYPE") return "TYPE";
  const text = messageOf(error);
  if (text.includes("D1_TYPE_ERROR")) return "TYPE";
  if (/maximum DB size/i.test(text)) return "FULL";
  return /\bSQLITE_([A-Z]+)/.exec(text)?.[1] ?? "OTHER";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
