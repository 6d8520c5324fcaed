import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import * as stowage from "stowage/driver";

const MAX = 64 * 1024 * 1024; // each object is held in memory
type Row = stowage.StoredObject & { bytes: Uint8Array };
const TABLE = "CREATE TABLE IF NOT EXISTS objects (key PRIMARY KEY, bytes, version, modifiedAt)";
const FACTS = "key, length(bytes) AS sizeBytes, version, modifiedAt";
const CODE: Record<number, stowage.ErrorCode> = { 13: "storage_full", 14: "storage_misconfigured" };

export default stowage.defineDriver({
  name: "shelf", // the scheme of its URIs: shelf:./shelf.db
  options: stowage.z.strictObject({ path: stowage.z.string().min(1) }),
  create({ path }, { now, random }) {
    const db = attempt(() => new DatabaseSync(path));
    const query = (signal: AbortSignal | undefined, sql: string, ...values: SQLInputValue[]) =>
      attempt(() => db.prepare(sql).all(...values) as unknown as Row[], signal);
    query(undefined, TABLE);
    const driver: Omit<stowage.StorageDriver, "name"> = {
      limits: {
        maxObjectBytes: MAX,
        maxKeyBytes: 1024,
        maxSegmentBytes: null,
        maxDeleteKeys: 1000,
        needsKnownLength: false,
        atomicIfNoneMatch: true,
        listOrder: "bytes",
        parts: null,
      },
      async put(key, body, { signal, ifNoneMatch } = {}) {
        const bytes = await stowage.readAtMost(stowage.readBody(body, signal), MAX);
        if (bytes === null) throw refusal("upload_too_large", "the body is too long");
        const verb = ifNoneMatch === "*" ? "INSERT OR IGNORE" : "REPLACE";
        const sql = `${verb} INTO objects VALUES (?, ?, ?, ?) RETURNING ${FACTS}`;
        const version = stowage.toHex(random(new Uint8Array(8)));
        const [stored] = query(signal, sql, key, bytes, version, now());
        if (stored === undefined) throw refusal("object_exists", "the key is taken");
        return stored;
      },
      async get(key, { range, ifMatch, signal } = {}) {
        const [row] = query(signal, `SELECT ${FACTS}, bytes FROM objects WHERE key = ?`, key);
        if (row === undefined) throw refusal("object_not_found", "nothing is stored there");
        if (ifMatch && ifMatch !== row.version) throw refusal("object_changed", "it has changed");
        const { bytes, ...object } = row;
        const { start, end } = range ?? { start: 0, end: object.sizeBytes };
        const stream = stowage.streamBytes(bytes.subarray(start, end), signal);
        return { object, range: { start, end }, stream };
      },
      async head(key, { signal } = {}) {
        return query(signal, `SELECT ${FACTS} FROM objects WHERE key = ?`, key)[0] ?? null;
      },
      async delete(keys, { signal } = {}) {
        for (const key of keys) query(signal, "DELETE FROM objects WHERE key = ?", key);
        return { failures: [] };
      },
      async list(prefix, { signal, cursor = "", limit = 1000 } = {}) {
        const hidden = prefix.startsWith(".stowage/") ? "" : ".stowage/"; // listed only on request
        const rows = query(
          signal,
          `SELECT ${FACTS} FROM objects WHERE key > ?1 AND substr(key, 1, length(?2)) = ?2
            AND (?3 = '' OR substr(key, 1, length(?3)) <> ?3) ORDER BY key LIMIT ?4`,
          ...[cursor, prefix, hidden, limit + 1],
        );
        const objects = rows.slice(0, limit);
        return { objects, next: rows.length > limit ? (objects.at(-1)?.key ?? null) : null };
      },
      check: (options) => stowage.probeDriver(driver, random, options),
      dispose: async () => db.close(),
    };
    return driver;
  },
});

function refusal(code: stowage.ErrorCode, why: string, cause?: unknown): stowage.StowageError {
  return new stowage.StowageError(code, `Cannot use shelf: ${why}`, { cause, retryable: !!cause });
}

function attempt<Result>(work: () => Result, signal?: AbortSignal): Result {
  stowage.throwIfAborted(signal);
  try {
    return work();
  } catch (cause) {
    const { errcode = 0 } = cause as { errcode?: number }; // https://sqlite.org/rescode.html
    throw refusal(CODE[errcode] ?? "storage_unavailable", "SQLite failed", cause);
  }
}
