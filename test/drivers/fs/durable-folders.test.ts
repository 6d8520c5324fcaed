import { expect, test } from "vitest";
import { DurableFolders } from "../../../drivers/fs/durable-folders.ts";

/** Folders whose syncs wait to be let through, one at a time. */
function held(root = "/r") {
  const begun: string[] = [];
  const waiting: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  const folders = new DurableFolders(root, (folder) => {
    begun.push(folder);
    return new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
    });
  });
  const turns = async () => {
    for (let turn = 0; turn < 20; turn += 1) await null;
  };
  /** Let every sync that has begun end, and those that begin because of it begin. */
  const release = async (error?: unknown) => {
    for (const { resolve, reject } of waiting.splice(0))
      error === undefined ? resolve() : reject(error);
    await turns();
  };
  return { folders, begun, release, turns };
}

test("sync() shares one fsync that begins after all who wait for it, never one that runs", async () => {
  const { folders, begun, release, turns } = held();
  const done: number[] = [];
  const calls = [1, 2, 3].map((call) => folders.sync("/r/a").then(() => done.push(call)));
  await turns();
  expect(begun).toEqual(["/r/a"]);
  await release();
  expect(done).toEqual([1]);
  expect(begun).toEqual(["/r/a", "/r/a"]);
  await release();
  await Promise.all(calls);
  expect(done).toEqual([1, 2, 3]);
  expect(begun).toHaveLength(2);
});

test("sync() fails for exactly those who waited for the fsync that failed", async () => {
  const { folders, release } = held();
  const failure = new Error("EIO");
  const [first, second] = [folders.sync("/r/a"), folders.sync("/r/a")];
  const refused = expect(first).rejects.toBe(failure);
  await release(failure);
  await release();
  await refused;
  await second;
});

test("settle() syncs every folder on the way once, and remembers", async () => {
  const { folders, begun, release } = held();
  const first = folders.settle("/r/a/b");
  await release();
  await first;
  expect(begun.sort()).toEqual(["/r", "/r/a", "/r/a/b"]);
  begun.length = 0;
  const second = folders.settle("/r/a/b");
  await release();
  await second;
  expect(begun).toEqual(["/r/a/b"]);
});

test("settle() remembers nothing after a failure, nor of a folder that was made anew meanwhile", async () => {
  const { folders, begun, release } = held();
  const failing = expect(folders.settle("/r/a")).rejects.toThrow("EIO");
  await release(new Error("EIO"));
  await failing;
  const disturbed = folders.settle("/r/a");
  folders.forget("/r/a");
  await release();
  await disturbed;
  begun.length = 0;
  const again = folders.settle("/r/a");
  await release();
  await again;
  expect(begun.sort()).toEqual(["/r", "/r/a"]);
});

test("sync() of a folder that is gone syncs the nearest one above it", async () => {
  const begun: string[] = [];
  const folders = new DurableFolders("/r", async (folder) => {
    begun.push(folder);
    if (folder !== "/r") throw Object.assign(new Error("gone"), { code: "ENOENT", errno: -2 });
  });
  await folders.sync("/r/a/b");
  expect(begun).toEqual(["/r/a/b", "/r/a", "/r"]);
});
