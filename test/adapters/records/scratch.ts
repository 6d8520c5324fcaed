import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { openNodeSqlite } from "../../../src/adapters/records/node-sqlite.ts";

/** A path for a database that is removed after the test. */
export async function databasePath(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "stowage-records-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, "stowage.db");
}

/** Open a database that is closed after the test. */
export async function open(path: string, options?: Parameters<typeof openNodeSqlite>[1]) {
  const executor = await openNodeSqlite(path, options);
  onTestFinished(() => executor.close());
  return executor;
}
