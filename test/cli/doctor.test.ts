import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it, onTestFinished } from "vitest";
import { SILENT } from "../../src/domain/ports/logger.ts";
import { SCOPES } from "../../src/domain/principal.ts";
import { parseTenantId } from "../../src/domain/tenant.ts";
import { createStowage } from "../../src/node.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { type Env, inspecting, settings, WITHOUT_PROCESSING } from "./doctor/scene.ts";
import { stowage } from "./terminal.ts";

/** `stowage doctor` with Node's real parts. */
async function doctor(env: Env, argv: readonly string[] = [], stop?: AbortSignal) {
  return await stowage(["doctor", ...argv], {
    env,
    runtime: inspecting(WITHOUT_PROCESSING),
    ...(stop && { stopSignal: () => stop }),
  });
}

/** A service that has taken one upload, and is still running. */
async function runningService(env: Env) {
  const service = await createStowage({
    env,
    logger: SILENT,
    async authenticate() {
      const tenant = parseTenantId("acme");
      return { kind: "tenant", tenant, subject: "acme", scopes: new Set(SCOPES) };
    },
  });
  onTestFinished(() => service.close());
  const url = "http://localhost/api/v1/upload/hello.txt";
  const answer = await service.fetch(new Request(url, { method: "PUT", body: "Hello" }));
  expect(answer.status).toBe(201);
  return service;
}

/** Every path below `folder`, files with their sizes and times. */
function snapshot(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((path) => ({ path, stats: statSync(join(folder, path)) }))
    .map(({ path, stats }) => (stats.isFile() ? `${path} ${stats.size} ${stats.mtimeMs}` : path))
    .sort();
}

describe("stowage doctor", () => {
  it("finds nothing wrong where nothing has been started, and makes nothing", async () => {
    const folder = tempFolder();
    const env = settings(folder);
    const { code, out, err } = await doctor(env);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain("the folder does not exist yet: the first start creates it");
    expect(out).toContain("does not exist yet: the first start creates it");
    expect(out).toMatch(/\nNo problems found\n$/);
    expect(snapshot(folder)).toEqual([]);
  });

  it("leaves no trace in a fresh folder, and gives it no identity", async () => {
    const folder = tempFolder();
    const env = settings(folder);
    mkdirSync(env.FILE_STORAGE_PATH);
    const { code, out } = await doctor(env);
    expect(code).toBe(0);
    expect(out).toContain("nothing has been stored here yet");
    expect(out).toContain("works: write, read, list, delete");
    expect(snapshot(folder)).toEqual(["uploads"]);
  });

  it("works beside a server, and changes neither its files nor its database", async () => {
    const folder = tempFolder();
    const env = settings(folder);
    await runningService(env);
    const files = () => snapshot(folder).filter((line) => !line.includes("-shm"));
    const before = files();
    const { code, out } = await doctor(env);
    expect(out).toMatch(/it is storage [0-9a-f-]{36}\n/);
    expect(out).toMatch(/opens; its schema is version \d+\n/);
    expect({ code, files: files() }).toEqual({ code: 0, files: before });
  });

  it("makes no files beside a database that no one uses", async () => {
    const folder = tempFolder();
    const env = settings(folder);
    await (await runningService(env)).close();
    expect(existsSync(join(folder, "stowage.db-wal"))).toBe(false);
    const before = snapshot(folder);
    expect((await doctor(env)).code).toBe(0);
    expect(snapshot(folder)).toEqual(before);
  });

  it("reports every wrong setting, masks secrets and exits with 2", async () => {
    const { code, out } = await doctor({ ...settings(), PORT: "x", AUTH_JWT_SECRET: "hunter2" });
    expect(code).toBe(2);
    expect(out).toContain('fail  PORT is wrong: read "x"\n        → expected a whole number');
    expect(out).toContain("AUTH_JWT_SECRET is wrong: read *** (7 bytes)");
    expect(out).toMatch(/\n2 failed\n$/);
  });

  it("reports a driver that cannot be loaded as the setting that names it", async () => {
    const { code, out } = await doctor({ ...settings(), STOWAGE_DRIVERS: "./no-such.ts" });
    expect(code).toBe(2);
    expect(out).toContain('fail  STOWAGE_DRIVERS is wrong: read "./no-such.ts"');
  });

  it("has the words and the advice of a third party's driver", async () => {
    const folder = tempFolder();
    writeFileSync(
      join(folder, "shelf.mjs"),
      `import { defineDriver, StowageError, z } from "stowage/driver";
      export default defineDriver({
        name: "shelf",
        options: z.strictObject({ path: z.string() }),
        async create() {
          const advice = "build a longer shelf";
          throw new StowageError("storage_full", "Cannot open shelf: it is full", { advice });
        },
      });`,
    );
    const shelf = { STOWAGE_DRIVERS: join(folder, "shelf.mjs"), FILE_STORAGE_TYPE: "shelf" };
    const { code, out } = await doctor({ ...settings(), ...shelf });
    expect(code).toBe(1);
    expect(out).toContain("fail  Cannot open shelf: it is full\n        → build a longer shelf\n");
  });

  it("warns of what is hardly meant, and exits with 0", async () => {
    const { code, out } = await doctor({ ...settings(), FILE_STORGE_TYPE: "s3" });
    expect(code).toBe(0);
    expect(out).toContain(
      "warn  FILE_STORGE_TYPE is set but not used: did you mean FILE_STORAGE_TYPE?",
    );
    expect(out).toMatch(/\n1 warning\n$/);
  });

  it("looks at every fallback, as strictly as the start does", async () => {
    const [folder, other] = [tempFolder(), tempFolder()];
    await (await runningService(settings(folder))).close();
    const used = `local:${join(folder, "uploads")}`;
    const look = (fallback: string) =>
      doctor({ ...settings(other), FILE_STORAGE_FALLBACK: fallback });
    expect(await look(used)).toMatchObject({ code: 0 });
    const never = await look(`${used}, memory:`);
    expect(never.code).toBe(1);
    expect(never.out).toContain("Fallback memory:\n  fail  nothing was ever stored here");
    const gone = await look(`local:${join(folder, "gone")}`);
    expect(gone.code).toBe(1);
    expect(gone.out).toContain("there is no folder");
    expect(existsSync(join(folder, "gone"))).toBe(false);
    const wrong = await look(`${used}?id=0199a1b2-0000-7000-8000-000000000000`);
    expect(wrong.out).toMatch(/fail {2}it is storage [0-9a-f-]{36}, not 0199a1b2-/);
  });

  it("looks at the storages that are named instead", async () => {
    const env = { ...settings(), FILE_STORAGE_FALLBACK: "memory:" };
    const { code, out } = await doctor(env, ["acme:x", "memory:"]);
    expect(code).toBe(1);
    expect(out).not.toContain("Storage local:");
    expect(out).toContain('Storage acme:x\n  fail  Cannot open storage: no driver is named "acme"');
    expect(out).toContain("Storage memory:\n  ok");
  });

  it("exits with 2 for what is no storage URI", async () => {
    const { code, err } = await doctor(settings(), ["uploads"]);
    expect(code).toBe(2);
    expect(err).toContain("Cannot read storage URI");
  });

  it("reports a storage that cannot be asked once, although uploads lie in it", async () => {
    const folder = tempFolder();
    const env = settings(folder);
    await (await runningService(env)).close();
    writeFileSync(join(env.FILE_STORAGE_PATH, ".stowage/storage.json"), "garbage");
    const { code, out } = await doctor(env);
    expect(code).toBe(1);
    expect(out).toMatch(/\n1 failed\n$/);
  });

  it("misses the storage that uploads lie in, as the start would", async () => {
    const folder = tempFolder();
    const env = settings(folder);
    await (await runningService(env)).close();
    const elsewhere = { ...env, FILE_STORAGE_PATH: join(folder, "elsewhere") };
    const { code, out } = await doctor(elsewhere);
    expect(code).toBe(1);
    expect(out).toContain(
      `1 upload is in a storage that was not found: local:${env.FILE_STORAGE_PATH}`,
    );
    expect(out).toContain("→ name it in FILE_STORAGE_FALLBACK");
    // A question about one storage does not say that there are no others.
    expect((await doctor(elsewhere, ["memory:"])).code).toBe(0);
  });

  it("distinguishes a database of a newer release from another file", async () => {
    const folder = tempFolder();
    const env = settings(folder);
    const database = new DatabaseSync(join(folder, "stowage.db"));
    database.exec("CREATE TABLE meta (name, value)");
    database.exec("INSERT INTO meta VALUES ('schema_version', '999')");
    database.close();
    const newer = await doctor(env);
    expect(newer.code).toBe(1);
    expect(newer.out).toContain("fail  its schema is version 999, but this release supports");
    writeFileSync(join(folder, "stowage.db"), "This is no database. ".repeat(100));
    const none = await doctor(env);
    expect(none.code).toBe(1);
    expect(none.out).toContain(
      "fail  cannot be read and written\n        file is not a database\n        → stop stowage, keep a copy",
    );
  });

  it("reports a file where the folder would be", async () => {
    const env = settings();
    writeFileSync(env.FILE_STORAGE_PATH, "");
    const { code, out } = await doctor(env);
    expect(code).toBe(1);
    expect(out).toContain("is a file, not a folder\n        → correct FILE_STORAGE_PATH");
  });

  it("writes one JSON object with --json, and nothing else", async () => {
    const { code, out, err } = await doctor(settings(), ["--json", "memory:", "acme:x"]);
    expect({ code, err }).toEqual({ code: 1, err: "" });
    const { failed, warnings, findings } = JSON.parse(out);
    expect({ failed, warnings }).toEqual({ failed: 1, warnings: 0 });
    expect(findings).toContainEqual({
      check: "Storage memory:",
      status: "ok",
      text: "works: write, read, list, delete",
    });
  });

  it("stops where it is interrupted, and exits with 1", async () => {
    const { code, out, err } = await doctor(settings(), ["memory:"], AbortSignal.abort());
    expect(code).toBe(1);
    expect(out).not.toContain("works:");
    expect(err).toBe("Interrupted: the remaining checks did not run\n");
  });
});
