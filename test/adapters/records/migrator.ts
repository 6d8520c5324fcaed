/** Another process that starts: migrates the database at `argv[2]` as soon as its input ends. */
import { once } from "node:events";
import { migrate } from "../../../src/adapters/records/migrations.ts";
import { openNodeSqlite } from "../../../src/adapters/records/node-sqlite.ts";

process.stdout.write("ready\n");
await once(process.stdin.resume(), "end");
const executor = await openNodeSqlite(process.argv[2] ?? "");
await migrate(executor);
await executor.close();
