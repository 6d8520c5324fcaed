import { existsSync } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Config } from "../../config.ts";
import { isAbort } from "../../domain/errors.ts";
import type { DatabaseFacts } from "../../runtime/database-inspection.ts";
import { formatSize } from "../format.ts";
import type { Check, DoctorContext, Finding } from "./check.ts";
import { findDenied, findOpenPermissions, quoted } from "./file-rights.ts";
import { findNetworkFilesystem, spaceFindings } from "./filesystem.ts";

/** A database with a few hundred thousand uploads takes a tenth of it. */
const INTEGRITY_TIMEOUT_MS = 10_000;

/** SQLite normally checkpoints after 4 MiB. */
const LARGE_WAL_BYTES = 256 * 2 ** 20;

/** Whether the records can be read and written, and whether all storages they name were found. */
export function databaseCheck({ path }: Config["database"]): Check {
  return {
    title: `Database sqlite:${path}`,
    async *run(context) {
      if (path === ":memory:") {
        yield { status: "ok", text: "in memory: lost when the process ends" };
        return;
      }
      const file = resolve(path);
      if (existsSync(file)) {
        const denied = await findDenied(dirname(file), "records");
        if (denied !== null) {
          yield denied;
          return;
        }
      }
      try {
        const facts = await context.parts.readDatabase(path);
        context.database.facts = facts;
        if (facts === null)
          yield { status: "ok", text: "does not exist yet: the first start creates it" };
        else {
          yield* schemaAndUsageFindings(facts, context);
          yield* integrityFindings(path, context);
          yield* fileFindings(file, context);
        }
      } catch (error) {
        if (isAbort(error)) throw error;
        yield unusable(file, error);
      }
    },
  };
}

function unusable(file: string, error: unknown): Finding {
  const { message, errcode } = error as Error & { readonly errcode?: number };
  // SQLITE_CORRUPT, SQLITE_NOTADB.
  const damaged = errcode === 11 || errcode === 26;
  const advice = damaged
    ? damageAdvice(file)
    : `correct DATABASE_URL, or the owner and permissions of the file and its folder: ls -la ${quoted(dirname(file))}`;
  return { status: "fail", text: "cannot be read and written", detail: message, advice };
}

function damageAdvice(file: string): string {
  const place = quoted(file);
  return `stop stowage, keep a copy of the file, and restore your last backup; without one: sqlite3 ${place} .recover | sqlite3 ${place}.new; if it never was a database, correct DATABASE_URL`;
}

function* schemaAndUsageFindings(facts: DatabaseFacts, context: DoctorContext): Iterable<Finding> {
  const { version, newest, usage, wal } = facts;
  if (version > newest) {
    yield {
      status: "fail",
      text: `its schema is version ${version}, but this release supports only up to ${newest}`,
      advice: "install the release that wrote it, or a newer one; schemas are never downgraded",
    };
    return;
  }
  const then = version < newest ? `: the next start upgrades it to ${newest}` : "";
  yield { status: "ok", text: `opens; its schema is version ${version}${then}` };
  if (version > 0 && !wal) {
    yield {
      status: "warn",
      text: "not in WAL mode: another program changed that, and readers now wait for writers",
      advice: "let only stowage write to it; the next start restores the mode",
    };
  }
  if (!context.configured) return;
  for (const { storageId, display, uploads } of usage) {
    // A storage that does not respond was reported by its own check.
    if (context.storageIds.has(storageId) || context.silentStorages.has(display)) continue;
    // Uploads in memory are lost with their process; the next start removes them.
    if (display.startsWith("memory:")) continue;
    yield {
      status: "fail",
      text: `${uploads === 1 ? "1 upload is" : `${uploads} uploads are`} in a storage that was not found: ${display} (${storageId})`,
      advice:
        "name it in FILE_STORAGE_FALLBACK, or correct FILE_STORAGE_TYPE, FILE_STORAGE_PATH or AWS_S3_BUCKET",
    };
  }
}

async function* integrityFindings(
  path: string,
  { parts, signal }: DoctorContext,
): AsyncIterable<Finding> {
  const damage = await parts.checkIntegrity(path, INTEGRITY_TIMEOUT_MS, signal);
  if (damage === null) {
    yield {
      status: "ok",
      text: `too large to check within ${INTEGRITY_TIMEOUT_MS / 1000} s; to check it yourself: sqlite3 ${quoted(path)} "PRAGMA quick_check"`,
    };
  } else if (damage.length > 0) {
    const advice = damageAdvice(resolve(path));
    yield { status: "fail", text: "the file is corrupt", detail: damage[0] ?? "", advice };
  } else yield { status: "ok", text: "all its pages are intact" };
}

/** The database's files: their permissions, filesystem and size. */
async function* fileFindings(file: string, { config }: DoctorContext): AsyncIterable<Finding> {
  const open = await findOpenPermissions(file, "filenames, digests and the hashes of keys");
  if (open !== null) yield open;
  const network = await findNetworkFilesystem(file);
  if (network !== null) {
    yield {
      status: "warn",
      text: `it is on a network filesystem (${network}): SQLite's locks and WAL are not reliable there, and two servers would corrupt it`,
      advice:
        "set DATABASE_URL to a file on a disk of this machine: sqlite:/var/lib/stowage/stowage.db",
    };
  }
  const walBytes = existsSync(`${file}-wal`) ? (await stat(`${file}-wal`)).size : 0;
  if (walBytes >= LARGE_WAL_BYTES) {
    yield {
      status: "warn",
      text: `${file}-wal has grown to ${formatSize(walBytes)}: a program that is reading the database blocks checkpoints`,
      advice: `close that program (find it: fuser -v ${quoted(file)}), or restart stowage`,
    };
  }
  if (!(await sharesDiskWithStorage(dirname(file), config)))
    yield* spaceFindings(dirname(file), null);
}

/** The space of a disk is reported once. */
async function sharesDiskWithStorage(folder: string, { storage }: Config): Promise<boolean> {
  const { primary } = storage;
  if (primary.scheme !== "local" || !existsSync(primary.path)) return false;
  const places = [folder, await realpath(primary.path)];
  const [here, there] = await Promise.all(places.map((place) => stat(place)));
  return here?.dev === there?.dev;
}
