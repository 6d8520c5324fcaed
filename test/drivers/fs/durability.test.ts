import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { canRun } from "../../support/can-run.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const CHILD = fileURLToPath(new URL("put-child.ts", import.meta.url));
const mayTrace = canRun(
  spawnSync("strace", ["-f", "true"]).status === 0,
  "strace is not installed or may not attach (apt-get install strace)",
);

/** Runs the child under strace. @returns What it printed, and the calls in the order of their ends. */
function trace(root: string, keys: readonly string[], faults: readonly string[] = []) {
  const log = join(tempFolder(), "trace");
  const calls = "trace=fsync,fdatasync,rename,renameat,renameat2,link,linkat,write,writev,pwritev";
  const child = spawnSync(
    "strace",
    [
      "-f",
      "-y",
      "-s",
      "500",
      "-o",
      log,
      "-e",
      calls,
      ...faults,
      process.execPath,
      CHILD,
      root,
      ...keys,
    ],
    // One thread of the pool: strace counts calls by thread when it is to fail a certain one.
    { env: { ...process.env, UV_THREADPOOL_SIZE: "1" }, encoding: "utf8" },
  );
  const lines = readFileSync(log, "utf8").split("\n");
  const events = lines.flatMap((line) => {
    const synced = /\bfsync\(\d+<([^>]*)>/.exec(line);
    if (synced) return [`sync ${synced[1]}`];
    const moved = /\brename\w*\(.*"([^"]+)", .*"([^"]+)"/.exec(line);
    if (moved) return [`rename ${moved[1]} ${moved[2]}`];
    const written = /\bp?writev?\(\d+<([^>]*\/tmp\/[0-9a-f-]+)>/.exec(line);
    return written ? [`write ${written[1]}`] : [];
  });
  return {
    printed: child.stdout.trim(),
    events: events.map((event) => event.replaceAll(root, "")),
  };
}

const storage = () => realpathSync(tempFolder());
const tempFilesOf = (root: string) => {
  const folder = join(root, ".stowage/tmp");
  return existsSync(folder) ? readdirSync(folder) : [];
};

describe.skipIf(!mayTrace)("put() of the local driver", () => {
  test("syncs the file before it is renamed, and all new folders before it resolves", () => {
    const root = storage();
    const { printed, events } = trace(root, ["tenant/upload/file"]);
    expect(printed).toBe("stored");
    const temp = /^write (.*)$/.exec(events[0] ?? "")?.[1];
    expect(events.slice(0, 3)).toEqual([
      `write ${temp}`,
      `sync ${temp}`,
      `rename ${temp} /tenant/upload/file`,
    ]);
    expect(events.slice(3).sort()).toEqual(["sync ", "sync /tenant", "sync /tenant/upload"]);
  });

  test("syncs the folders of a storage that it has to make", () => {
    const parent = storage();
    const { printed, events } = trace(join(parent, "made/twice"), ["file"]);
    expect(printed).toBe("stored");
    expect(events.slice(0, 2).map((event) => event.replace(parent, ""))).toEqual([
      "sync /made",
      "sync ",
    ]);
  });

  test("syncs folders that someone else has made, because he may have died before", () => {
    const root = storage();
    mkdirSync(join(root, "tenant/upload"), { recursive: true });
    const { events } = trace(root, ["tenant/upload/file"]);
    expect(events.slice(3).sort()).toEqual(["sync ", "sync /tenant", "sync /tenant/upload"]);
  });

  test("shares the sync of a folder among puts that wait for it", () => {
    const root = storage();
    const keys = Array.from({ length: 12 }, (_, index) => `tenant/u${index}/file`);
    const { printed, events } = trace(root, keys);
    expect(printed.split("\n")).toEqual(keys.map(() => "stored"));
    const after = events.lastIndexOf(events.findLast((event) => event.startsWith("rename")) ?? "");
    // The last one renamed has its folders synced after it, whatever else they were synced for.
    expect(events.slice(after)).toContain("sync /tenant");
    expect(events.filter((event) => event === "sync /tenant").length).toBeLessThan(keys.length);
    for (const key of keys) expect(events).toContain(`sync /${key.slice(0, key.lastIndexOf("/"))}`);
  });

  test("fails when the file cannot be synced, tries no second time and keeps the old object", () => {
    const root = storage();
    mkdirSync(join(root, "tenant/upload"), { recursive: true });
    writeFileSync(join(root, "tenant/upload/file"), "old content");
    const faults = ["-e", "inject=fsync:error=EIO:when=1"];
    const { printed, events } = trace(root, ["tenant/upload/file"], faults);
    expect(printed).toBe("storage_unavailable");
    expect(events.filter((event) => event.startsWith("sync"))).toHaveLength(1);
    expect(readFileSync(join(root, "tenant/upload/file"), "utf8")).toBe("old content");
    expect(tempFilesOf(root)).toEqual([]);
  });

  test("fails when an early sync of a large file fails, though a later one would not show it", () => {
    const root = storage();
    const faults = ["-e", "inject=fdatasync:error=EIO:when=1"];
    const { printed } = trace(root, ["--mib=64", "tenant/upload/file"], faults);
    expect(printed).toBe("storage_unavailable");
    expect(tempFilesOf(root)).toEqual([]);
    expect(existsSync(join(root, "tenant/upload/file"))).toBe(false);
  });

  test.each([2, 3, 4])("fails when sync number %i, of a folder, fails", (count) => {
    const root = storage();
    const faults = ["-e", `inject=fsync:error=EIO:when=${count}`];
    expect(trace(root, ["tenant/upload/file"], faults).printed).toBe("storage_unavailable");
    expect(tempFilesOf(root)).toEqual([]);
  });

  test.each([
    ["EDQUOT", "storage_full"],
    ["ENOSPC", "storage_full"],
    ["EIO", "storage_unavailable"],
    ["EROFS", "storage_read_only"],
  ])("fails a rename that ends with %s as %s and leaves nothing", (errno, code) => {
    const root = storage();
    const faults = ["-e", `inject=rename,renameat,renameat2:error=${errno}`];
    expect(trace(root, ["tenant/upload/file"], faults).printed).toBe(code);
    expect(tempFilesOf(root)).toEqual([]);
    expect(readdirSync(root)).toEqual([".stowage"]);
  });
});
