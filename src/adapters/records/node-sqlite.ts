import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { CompiledQuery } from "kysely";
import { StowageError } from "../../domain/errors.ts";
import type { RowsOf, RunQuery, UnitExecutor } from "./executor.ts";
import { GroupCommit, type Waits } from "./group-commit.ts";
import { retryWhileBusy } from "./retry-while-busy.ts";
import { toRecordsError } from "./sqlite-errors.ts";

/**
 * How long SQLite itself waits for a lock, in milliseconds. This blocks the event loop, so it only covers a normal
 * commit of another process. Longer waits are asynchronous.
 */
const BUSY_TIMEOUT_MS = 5;

/**
 * Gathering takes less time than an fsync on most disks. The lock timeout is what an HTTP client would wait anyway.
 */
const WAITS: Waits = { gatherMs: 2, lockTimeoutMs: 5_000 };

/**
 * Open the SQLite database at `path`, creating the file but not its folder, or `:memory:`.
 *
 * Uses WAL with `synchronous=FULL`: a commit is on disk before it is reported, and readers never wait for writers. Units
 * that arrive close together share a commit. Several processes of one machine may open the same file, but not over a
 * network filesystem.
 *
 * @throws {StowageError} `records_unavailable` if it cannot be opened or cannot be put into WAL mode.
 */
export async function openNodeSqlite(
  path: string,
  options: Partial<Waits> = {},
): Promise<UnitExecutor> {
  const waits = { ...WAITS, ...options };
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { enableForeignKeyConstraints: true });
    const opened = database;
    opened.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    // If two processes change the mode at once, SQLite reports "locked" without waiting.
    await retryWhileBusy(() => enterWal(opened), waits.lockTimeoutMs);
    opened.exec("PRAGMA synchronous = FULL");
    return new NodeSqlite(opened, waits);
  } catch (error) {
    database?.close();
    throw toRecordsError(error);
  }
}

function enterWal(database: DatabaseSync): void {
  const mode = database.prepare("PRAGMA journal_mode = WAL").get()?.["journal_mode"];
  if (mode === "wal" || mode === "memory") return;
  throw new StowageError(
    "records_unavailable",
    `Cannot open records: the filesystem allows journal mode "${String(mode)}" but not WAL`,
  );
}

class NodeSqlite implements UnitExecutor {
  readonly #database: DatabaseSync;
  readonly #waits: Waits;
  readonly #commits: GroupCommit;
  /** Bounded by the code: values are parameters, so a query always has the same text. */
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync, waits: Waits) {
    this.#database = database;
    this.#waits = waits;
    this.#commits = new GroupCommit({ database, run: this.#execute, waits });
  }

  async run<Row>(query: CompiledQuery<Row>): Promise<readonly Row[]> {
    if (!/^\s*select\b/i.test(query.sql)) return await this.unit((run) => run(query));
    try {
      return await retryWhileBusy(() => this.#execute(query), this.#waits.lockTimeoutMs);
    } catch (error) {
      throw toRecordsError(error);
    }
  }

  batch<const Queries extends readonly CompiledQuery[]>(
    queries: Queries,
  ): Promise<RowsOf<Queries>> {
    return this.unit((run) => queries.map((query) => run(query)) as RowsOf<Queries>);
  }

  unit<Result>(work: (run: RunQuery) => Result): Promise<Result> {
    return this.#commits.unit(work);
  }

  async close(): Promise<void> {
    await this.#commits.close();
    this.#statements.clear();
    if (this.#database.isOpen) this.#database.close();
  }

  readonly #execute: RunQuery = <Row>(query: CompiledQuery<Row>) => {
    let statement = this.#statements.get(query.sql);
    if (statement === undefined) {
      statement = this.#database.prepare(query.sql);
      this.#statements.set(query.sql, statement);
    }
    return statement.all(...(query.parameters as (string | number | null)[])) as Row[];
  };
}
