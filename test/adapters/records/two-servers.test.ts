import { expect, it } from "vitest";
import { migrate } from "../../../src/adapters/records/migrations.ts";
import { ACME, createBench } from "./bench.ts";
import { start } from "./processes.ts";
import { databasePath, open } from "./scratch.ts";

/** Two processes reserve 50 uploads each, concurrently, in one file. @returns The usage of the tenant. */
async function race(terms: object, reason: string) {
  const path = await databasePath();
  const executor = await open(path);
  await migrate(executor);
  const args = [path, JSON.stringify(terms), reason];
  const servers = await Promise.all([1, 2].map(() => start("reserver.ts", ...args)));
  for (const server of servers) server.go();
  expect(await Promise.all(servers.map(({ ended }) => ended))).toEqual([0, 0]);
  return await createBench(executor).records.usage(ACME);
}

it("reserve() from two servers on one file fills a quota exactly", async () => {
  const quota = { bytes: 670, uploads: null };
  expect(await race({ reserveBytes: 10, quota }, "quota_exceeded")).toEqual({
    bytes: 670,
    uploads: 67,
  });
});

it("reserve() from two servers on one file gives a key to one upload", async () => {
  const terms = { idempotencyKey: "k", reserveBytes: 3 };
  expect(await race(terms, "idempotency_key_in_use")).toEqual({ bytes: 3, uploads: 1 });
});
