import { chmodSync, openSync, statSync, truncateSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it, onTestFinished } from "vitest";
import { checkIntegrity } from "../../../src/runtime/database-inspection.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { findings, findingsAs, mayActAsRoot, mount, settings, troubles, useOnce } from "./scene.ts";

function databaseOf(env: Record<string, string>): string {
  return env["DATABASE_URL"]?.slice("sqlite:".length) ?? "";
}

/** Troubles of a database that has taken one upload and was then treated badly. */
async function troublesAfter(harm: (file: string) => void) {
  const env = settings();
  await useOnce(env);
  harm(databaseOf(env));
  return troubles(await findings(env));
}

describe("stowage doctor on a database", () => {
  it("looks through every page of it", async () => {
    const env = settings();
    await useOnce(env);
    expect(await findings(env)).toContainEqual(
      expect.objectContaining({ status: "ok", text: "all its pages are intact" }),
    );
  });

  it("finds a page that is damaged, and says what can be saved", async () => {
    const found = await troublesAfter((file) => {
      const pageBytes = 4096;
      // Not the first pages: with the schema gone it could not even be opened.
      const handle = openSync(file, "r+");
      const root = rootPageOf(file, "uploads_newest");
      writeSync(handle, new Uint8Array(pageBytes).fill(7), 0, pageBytes, (root - 1) * pageBytes);
    });
    expect(found).toMatchObject([
      {
        status: "fail",
        text: "the file is corrupt",
        detail: expect.stringContaining("btreeInitPage"),
        advice: expect.stringMatching(/restore your last backup; .*\.recover/),
      },
    ]);
  });

  it("says that it did not get through, where it takes too long", async () => {
    const env = settings();
    await useOnce(env);
    const found = await findings(env, {
      async checkExtraction() {},
      checkIntegrity: async (path, _, signal) => await checkIntegrity(path, 1, signal),
    });
    expect(found).toContainEqual(
      expect.objectContaining({ text: expect.stringContaining("too large to check") }),
    );
  });

  it("reports a database of a newer release", async () => {
    const found = await troublesAfter((file) => {
      const database = new DatabaseSync(file);
      database.exec("UPDATE meta SET value = '999' WHERE name = 'schema_version'");
      database.close();
    });
    expect(found).toMatchObject([
      {
        status: "fail",
        text: expect.stringContaining("its schema is version 999, but this release supports"),
        advice: expect.stringContaining("install the release that wrote it"),
      },
    ]);
  });

  it("notices that another program has taken it out of WAL mode", async () => {
    const found = await troublesAfter((file) => {
      const database = new DatabaseSync(file);
      database.exec("PRAGMA journal_mode = DELETE");
      database.close();
    });
    expect(found).toMatchObject([
      { status: "warn", text: expect.stringContaining("not in WAL mode") },
    ]);
  });

  it("notices a WAL that no one could take over", async () => {
    const found = await troublesAfter((file) => {
      openSync(`${file}-wal`, "w");
      truncateSync(`${file}-wal`, 300 * 2 ** 20);
    });
    expect(found).toMatchObject([
      {
        status: "warn",
        text: expect.stringMatching(/-wal has grown to 300 MiB/),
        advice: expect.stringContaining("fuser -v"),
      },
    ]);
  });

  it("warns where everyone may read it", async () => {
    const folder = tempFolder();
    const env = settings(folder);
    await useOnce(env);
    chmodSync(folder, 0o755);
    const file = databaseOf(env);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(troubles(await findings(env))).toEqual([]);
    chmodSync(file, 0o644);
    expect(troubles(await findings(env))).toMatchObject([
      {
        status: "warn",
        text: "every user of this machine may read filenames, digests and the hashes of keys (mode 644)",
        advice: `chmod o-rwx ${file}`,
      },
    ]);
  });
});

describe.skipIf(!mayActAsRoot("doctor's findings about the database's folder"))(
  "stowage doctor on the folder of a database",
  () => {
    it("says that the folder must be writable too", async () => {
      const folder = tempFolder();
      const env = { ...settings(folder), FILE_STORAGE_TYPE: "memory" };
      await useOnce({ ...env, FILE_STORAGE_TYPE: "local" });
      chmodSync(folder, 0o755);
      chmodSync(databaseOf(env), 0o666);
      const found = findingsAs(["setpriv", "--reuid=65534", "--clear-groups"], env);
      expect(troubles(found)).toMatchObject([
        {
          status: "fail",
          text: `user 65534 may not read and write ${folder}: it belongs to user 0, group 0, mode 755`,
        },
      ]);
    });

    it("looks for room where the database is on a disk of its own", async () => {
      const env = settings();
      const data = join(dirname(databaseOf(env)), "data");
      mount(["-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs"], data);
      const elsewhere = { ...env, DATABASE_URL: `sqlite:${join(data, "stowage.db")}` };
      await useOnce(elsewhere);
      expect(troubles(await findings(elsewhere))).toMatchObject([
        {
          check: `Database sqlite:${join(data, "stowage.db")}`,
          text: expect.stringContaining("the disk is full"),
        },
      ]);
    });
  },
);

function rootPageOf(file: string, name: string): number {
  const database = new DatabaseSync(file, { readOnly: true });
  onTestFinished(() => {
    if (database.isOpen) database.close();
  });
  const row = database.prepare("SELECT rootpage FROM sqlite_master WHERE name = ?").get(name);
  database.close();
  return Number(row?.["rootpage"]);
}
