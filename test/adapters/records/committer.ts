/** Another process, for tracing: commits to the database at `argv[2]`, `argv[3]` times, one after another. */
import { openNodeSqlite } from "../../../src/adapters/records/node-sqlite.ts";
import { createBench } from "./bench.ts";

const bench = createBench(await openNodeSqlite(process.argv[2] ?? ""));
for (let count = Number(process.argv[3]); count > 0; count--) {
  await bench.records.check();
}
