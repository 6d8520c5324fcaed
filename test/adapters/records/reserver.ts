/**
 * Another server: reserves 50 uploads at once in the database at `argv[2]` under the terms of `argv[3]`, as soon
 * as its input ends. Exits with 1 if one is refused for another reason than `argv[4]`.
 */
import { once } from "node:events";
import { openNodeSqlite } from "../../../src/adapters/records/node-sqlite.ts";
import { isStowageError } from "../../../src/domain/errors.ts";
import { createBench, LEASE_MS, newUpload, START } from "./bench.ts";

const [, , path = "", terms = "", reason = ""] = process.argv;
const executor = await openNodeSqlite(path);
const bench = createBench(executor);
// Two processes must not generate the same ids.
const at = START + process.pid;
const uploads = Array.from({ length: 50 }, () =>
  newUpload({ ...bench, clock: { ...bench.clock, now: () => at } }),
);
process.stdout.write("ready\n");
await once(process.stdin.resume(), "end");
const outcomes = await Promise.allSettled(
  uploads.map((upload) => bench.records.reserve(upload, START + LEASE_MS, JSON.parse(terms))),
);
for (const outcome of outcomes) {
  if (outcome.status === "fulfilled" || isStowageError(outcome.reason, reason as never)) continue;
  console.error(outcome.reason);
  process.exitCode = 1;
}
await executor.close();
