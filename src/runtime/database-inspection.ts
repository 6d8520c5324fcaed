import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { access, constants, open } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { createApiKeyRecords } from "../adapters/records/api-keys.ts";
import type { SqlExecutor } from "../adapters/records/executor.ts";
import { findSchemaVersion, MIGRATIONS } from "../adapters/records/migrations.ts";
import { missing } from "../adapters/records/missing.ts";
import { db } from "../adapters/records/schema.ts";
import { storages } from "../adapters/records/storages.ts";
import type { ApiKey } from "../domain/ports/api-keys.ts";
import type { StorageUsage } from "../domain/ports/upkeep-records.ts";
import type { Upload } from "../domain/upload.ts";
import { nearestFolder } from "./nearest-folder.ts";

/** Files recorded as missing in a storage. */
export interface MissingInStorage {
  readonly storageId: string;
  readonly files: number;
  /** The oldest of the affected uploads. */
  readonly uploads: readonly Pick<Upload, "id" | "tenant" | "key">[];
}

/** Affected uploads listed per storage. */
const MISSING_UPLOADS = 100;

/** The first schema that records missing files. */
const MISSING_FILES_SCHEMA = 5;

/** What can be read from the file of a database. */
export interface DatabaseFacts {
  /** The version of its schema; 0 for an empty database. */
  readonly version: number;
  /** The schema version of this release. */
  readonly newest: number;
  /** Whether the file is in WAL mode. The service sets it at its start. */
  readonly wal: boolean;
  readonly usage: readonly StorageUsage[];
  readonly missing: readonly MissingInStorage[];
  /** Every API key ever created. The secrets themselves are not stored. */
  readonly keys: readonly ApiKey[];
  /** When the newest upload began, in milliseconds since 1970; `null` without uploads. */
  readonly newestUploadAt: number | null;
}

/** Byte 18 of the file: 2 for WAL. @see https://www.sqlite.org/fileformat.html#file_format_version_numbers */
const WRITE_VERSION_OFFSET = 18;

/**
 * Read the database at `path`, even while a server uses it.
 *
 * @returns `null` if it does not exist.
 * @throws If it cannot be read and written, or is not a database.
 */
export async function readDatabase(path: string): Promise<DatabaseFacts | null> {
  const absolute = resolve(path);
  if (!existsSync(absolute)) {
    await access(nearestFolder(absolute), constants.W_OK | constants.X_OK);
    return null;
  }
  for (const place of [absolute, dirname(absolute)]) await access(place, constants.W_OK);
  const wal = await isInWalMode(absolute);
  const database = new DatabaseSync(readOnlyUrl(absolute), { readOnly: true });
  try {
    const executor: Pick<SqlExecutor, "run"> = {
      run: async (query) =>
        database.prepare(query.sql).all(...(query.parameters as string[])) as never,
    };
    const version = await findSchemaVersion(executor);
    const facts = { version, newest: MIGRATIONS.length, wal };
    // The tables of a newer release may have another shape.
    if (version === 0 || version > MIGRATIONS.length) {
      return { ...facts, usage: [], missing: [], keys: [], newestUploadAt: null };
    }
    const [newest] = await executor.run(
      // Ids are UUIDv7: the last one is the newest.
      db.selectFrom("uploads").select("created_at").orderBy("id", "desc").limit(1).compile(),
    );
    return {
      ...facts,
      usage: await storages(executor as SqlExecutor).storageUsage(),
      missing: version < MISSING_FILES_SCHEMA ? [] : await findMissing(executor as SqlExecutor),
      keys: await createApiKeyRecords(executor as SqlExecutor).list(),
      newestUploadAt: newest?.created_at ?? null,
    };
  } finally {
    database.close();
  }
}

async function findMissing(executor: SqlExecutor): Promise<readonly MissingInStorage[]> {
  const clock = { now: () => Date.now() };
  const { countMissing, missingFiles } = missing(executor, clock);
  const found: MissingInStorage[] = [];
  for (const [storageId, files] of await countMissing()) {
    const page = { limit: MISSING_UPLOADS, after: null };
    found.push({ storageId, files, uploads: await missingFiles(storageId, page) });
  }
  return found;
}

/** Runs in a separate process, because a thread inside SQLite cannot be stopped. */
const QUICK_CHECK = `
import { DatabaseSync } from "node:sqlite";
const database = new DatabaseSync(new URL(process.argv[1]), { readOnly: true });
const rows = database.prepare("PRAGMA quick_check(20)").all();
process.stdout.write(JSON.stringify(rows.map((row) => String(Object.values(row)[0]))));
`;

/**
 * Let SQLite check every page of the database at `path`.
 *
 * @returns The damage in SQLite's words; empty for an intact database, `null` if the check took too long.
 * @see https://www.sqlite.org/pragma.html#pragma_quick_check
 */
export async function checkIntegrity(
  path: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<readonly string[] | null> {
  const url = readOnlyUrl(resolve(path)).href;
  const args = ["--input-type=module", "--eval", QUICK_CHECK, url];
  const { promise, resolve: settle, reject } = Promise.withResolvers<readonly string[] | null>();
  const limits = { timeout: timeoutMs, killSignal: "SIGKILL", signal, env: {} } as const;
  execFile(process.execPath, args, limits, (error, stdout, stderr) => {
    if (error === null) {
      const rows = JSON.parse(stdout) as readonly string[];
      const lines = rows.flatMap((row) => row.split("\n"));
      settle(lines.filter((line) => line !== "ok" && !line.startsWith("***")));
    } else if (error.name === "AbortError") reject(error);
    else if (error.killed === true) settle(null);
    else settle([/Error: (.+)/.exec(stderr)?.[1] ?? error.message]);
  });
  return await promise;
}

async function isInWalMode(path: string): Promise<boolean> {
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1), 0, 1, WRITE_VERSION_OFFSET);
    return bytesRead === 1 && buffer[0] === 2;
  } finally {
    await file.close();
  }
}

/**
 * Even a reader creates files beside a database in WAL mode. Without a `-wal` file no process is writing, and the
 * database can be read as immutable. A `-wal` file that a crash left without its `-shm` is read too; SQLite then
 * rebuilds the index, as it would at the next start.
 *
 * @see https://www.sqlite.org/uri.html#uriimmutable
 */
function readOnlyUrl(path: string): URL {
  const url = pathToFileURL(path);
  if (!existsSync(`${path}-wal`)) url.searchParams.set("immutable", "1");
  return url;
}
