import { CompiledQuery } from "kysely";
import { StowageError } from "../../domain/errors.ts";
import type { RunQuery, SqlExecutor, UnitExecutor } from "./executor.ts";
import { SCHEMA_1 } from "./schema-1.ts";
import { SCHEMA_2 } from "./schema-2.ts";
import { SCHEMA_3 } from "./schema-3.ts";
import { SCHEMA_4 } from "./schema-4.ts";
import { SCHEMA_5 } from "./schema-5.ts";

/** One forward-only step of the schema. Never change it after a release. */
export interface Migration {
  /** 1, 2, 3 … without gaps. */
  readonly version: number;
  readonly name: string;
  /** One SQL statement each. The last one writes the version to `meta`. */
  readonly statements: readonly string[];
}

/** All migrations by version. `migrations/*.sql` has the same SQL for wrangler; a test keeps them equal. */
export const MIGRATIONS: readonly Migration[] = [
  { version: 1, name: "schema", statements: SCHEMA_1 },
  { version: 2, name: "multipart", statements: SCHEMA_2 },
  { version: 3, name: "job_history", statements: SCHEMA_3 },
  { version: 4, name: "tenants", statements: SCHEMA_4 },
  { version: 5, name: "recovery", statements: SCHEMA_5 },
];

/** The text of a migration's file, `{version}_{name}.sql`, for `wrangler d1 migrations apply`. */
export function migrationFile(migration: Migration): {
  readonly name: string;
  readonly sql: string;
} {
  return {
    name: `${String(migration.version).padStart(4, "0")}_${migration.name}.sql`,
    sql: migration.statements.map((statement) => `${statement};\n`).join("\n"),
  };
}

/**
 * Migrate the database to the newest schema. One process migrates; others that start meanwhile wait for it. A failed
 * migration leaves the schema as it was.
 *
 * @throws {StowageError} `records_newer` if a newer release has migrated it.
 */
export async function migrate(
  executor: UnitExecutor,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  await executor.unit((run) => {
    const version = readVersion(run);
    refuseNewer(version, migrations.length);
    for (const migration of migrations.slice(version)) {
      for (const statement of migration.statements) run(CompiledQuery.raw(statement));
    }
  });
}

/**
 * Check that the database has the newest schema, without migrating it (D1).
 *
 * @throws {StowageError} `invalid_config` if it is older, `records_newer` if it is newer.
 */
export async function requireSchema(executor: SqlExecutor): Promise<void> {
  const version = await findSchemaVersion(executor);
  refuseNewer(version, MIGRATIONS.length);
  if (version === MIGRATIONS.length) return;
  throw new StowageError(
    "invalid_config",
    `Cannot use database: its schema has version ${version} instead of ${MIGRATIONS.length}; run "wrangler d1 migrations apply"`,
  );
}

/** The schema version of a database; 0 for an empty one. */
export async function findSchemaVersion(executor: Pick<SqlExecutor, "run">): Promise<number> {
  const [found] = await executor.run(FIND_META);
  const [row] = found === undefined ? [] : await executor.run(SELECT_VERSION);
  return Number(row?.value ?? 0);
}

const FIND_META = CompiledQuery.raw(
  "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'meta'",
);
const SELECT_VERSION = CompiledQuery.raw(
  "SELECT value FROM meta WHERE name = 'schema_version'",
) as CompiledQuery<{ readonly value: string }>;

/** 0 for an empty database. */
function readVersion(run: RunQuery): number {
  return run(FIND_META).length === 0 ? 0 : Number(run(SELECT_VERSION)[0]?.value ?? 0);
}

function refuseNewer(version: number, known: number): void {
  if (version <= known) return;
  throw new StowageError(
    "records_newer",
    `Cannot use database: its schema has version ${version}, this release supports ${known}`,
  );
}
