import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CompiledQuery } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { migrate } from "../../src/adapters/records/migrations.ts";
import { openNodeSqlite } from "../../src/adapters/records/node-sqlite.ts";
import { SILENT } from "../../src/domain/ports/logger.ts";
import { parseTenantId } from "../../src/domain/tenant.ts";
import { createStowage, type Stowage } from "../../src/node.ts";
import { openBulkWork } from "../../src/runtime/bulk-work.ts";
import { stowage } from "./terminal.ts";

const FIXTURES = join(import.meta.dirname, "..", "fixtures");
const ACME = parseTenantId("acme");

let folder: string;
let executor: Awaited<ReturnType<typeof openNodeSqlite>>;
let env: Record<string, string>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stowage-process-"));
  env = {
    FILE_STORAGE_PATH: join(folder, "uploads"),
    DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
  };
  executor = await openNodeSqlite(join(folder, "stowage.db"));
  await migrate(executor);
});
afterEach(async () => {
  await executor.close();
  await rm(folder, { recursive: true, force: true });
});

/** `stowage process` in this process, on the database of the test. */
function run(args: readonly string[], parts: Parameters<typeof stowage>[1] = {}) {
  return stowage(["process", ...args], { env, runtime: { openBulkWork }, ...parts });
}

const query = (text: string, ...parameters: (string | number)[]) =>
  executor.run(CompiledQuery.raw(text, parameters)) as Promise<Record<string, unknown>[]>;

let serial = 0;

interface Traits {
  readonly tenant?: string;
  readonly status?: string;
  readonly type?: string;
  readonly createdAt?: number;
}

/** Records of uploads at rest. @returns Their ids. */
async function record(count: number, traits: Traits = {}): Promise<string[]> {
  const { tenant = "acme", status = "failed", type = "application/pdf" } = traits;
  const { createdAt = Date.now() - 1_000 } = traits;
  const ids = Array.from(
    { length: count },
    () => `0199aaaa-0000-7000-8000-${String(++serial).padStart(12, "0")}`,
  );
  const insert = `INSERT INTO uploads (id, tenant, storage_id, key, revision, status, filename, original_filename,
    content_type, created_by, created_at, updated_at) VALUES (?, ?, 's', ?, 2, ?, 'a', 'a', ?, 'key:test', ?, ?)`;
  await executor.batch(
    ids.map((id) =>
      CompiledQuery.raw(insert, [id, tenant, id, status, type, createdAt, createdAt]),
    ),
  );
  return ids;
}

/** What is queued, with the processors asked for. */
async function queued(): Promise<Record<string, string[]>> {
  const rows = await query("SELECT id, processors FROM uploads WHERE status = 'queued'");
  return Object.fromEntries(rows.map((row) => [row["id"], JSON.parse(String(row["processors"]))]));
}

describe("stowage process", () => {
  it("queues the failed uploads of all tenants, and nothing else", async () => {
    const [ours = ""] = await record(1);
    const [theirs = ""] = await record(1, { tenant: "globex", type: "image/png" });
    const [unread = ""] = await record(1, { type: "video/mp4" });
    for (const status of ["stored", "processed", "quarantined", "uploading", "deleting"]) {
      await record(1, { status });
    }
    const { code, out, err } = await run([]);
    expect({ code, out, err }).toEqual({
      code: 0,
      out: "Queued 2 of 3 uploads\nSkipped 1 of types that no selected processor reads\n",
      err: "",
    });
    expect(await queued()).toEqual({ [ours]: ["text", "metadata"], [theirs]: ["metadata"] });
    const [left] = await query("SELECT status, revision FROM uploads WHERE id = ?", unread);
    expect(left).toEqual({ status: "failed", revision: 2 });
    // What was queued is not failed any more: a second run finds nothing of it.
    expect((await run(["--json"])).out).toContain('"seen":1,"queued":0,"unread":1');
  });

  it("keeps to a tenant, a time and processors", async () => {
    const old = Date.now() - 10 * 86_400_000;
    const [meant = ""] = await record(1, { status: "stored" });
    await record(1, { status: "stored", tenant: "globex" });
    await record(1, { status: "stored", createdAt: old });
    await record(1, { status: "processed", type: "text/x-python" });
    const args = [
      "--status",
      "all",
      "--tenant",
      "acme",
      "--since",
      "7d",
      "--processor",
      "metadata",
    ];
    const { code, out } = await run([...args, "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({
      dry_run: false,
      seen: 2,
      queued: 1,
      unread: 1,
      missed: 0,
      interrupted: false,
      last_id: expect.any(String),
    });
    expect(await queued()).toEqual({ [meant]: ["metadata"] });
  });

  it("counts and changes nothing in a dry run", async () => {
    await record(1);
    const before = await query("SELECT * FROM uploads");
    expect(await run(["--dry-run"])).toMatchObject({
      code: 0,
      out: "Would queue 1 of 1 uploads\n",
    });
    expect(await query("SELECT * FROM uploads")).toEqual(before);
    expect(await query("SELECT * FROM events")).toEqual([]);
  });

  it("stops at an interrupt, and goes on behind what it has done", async () => {
    const ids = await record(530, { status: "processed" });
    const stop = new AbortController();
    // The second page is read after the first was queued.
    const interrupting: typeof openBulkWork = async (...args) => {
      const work = await openBulkWork(...args);
      const records = {
        ...work.records,
        survey: async (...page: Parameters<typeof work.records.survey>) => {
          if (page[1].after !== null) stop.abort();
          return await work.records.survey(...page);
        },
      };
      return { ...work, records };
    };
    const args = ["--status", "processed"];
    const first = await run(args, {
      runtime: { openBulkWork: interrupting },
      stopSignal: () => stop.signal,
    });
    expect(first).toMatchObject({ code: 1, out: "Queued 500 of 500 uploads\n" });
    const after = ids[499] ?? "";
    expect(first.err).toBe(
      `Interrupted: queued uploads stay queued; to continue, run the same command with --after ${after}\n`,
    );
    // Those of the first run are done meanwhile.
    await query("UPDATE uploads SET status = 'processed' WHERE status = 'queued'");
    const second = await run([...args, "--after", after]);
    expect(second).toMatchObject({ code: 0, out: "Queued 30 of 30 uploads\n" });
    expect(Object.keys(await queued())).toEqual(ids.slice(500));
    expect(await query("SELECT DISTINCT revision FROM uploads")).toEqual([{ revision: 3 }]);
  });

  it("works on them itself with --run, and reports what failed", async () => {
    const service = await served();
    try {
      await put(service, "report.pdf");
      await put(service, "encrypted.pdf");
    } finally {
      await service.close();
    }
    const first = await run(["--status", "stored", "--run", "--json"]);
    expect(JSON.parse(first.out)).toMatchObject({
      queued: 2,
      processed: 1,
      failed: 1,
      waiting: 0,
      interrupted: false,
    });
    expect(first.code).toBe(1);
    expect(await query("SELECT status FROM uploads ORDER BY id")).toEqual([
      { status: "processed" },
      { status: "failed" },
    ]);
    // Nothing waits any more: nothing is opened, and nothing has failed this time.
    const again = await run(["--status", "stored", "--run"]);
    expect(again).toMatchObject({ code: 0, out: "Queued 0 of 0 uploads\nProcessed 0, failed 0\n" });
  });

  it("waits with --wait until a server has processed them", async () => {
    const service = await served();
    try {
      await put(service, "minutes.docx");
      service.start();
      const { code, out, err } = await run(["--status", "stored", "--wait"]);
      expect({ code, out }).toEqual({
        code: 0,
        out: "Queued 1 of 1 uploads\nProcessed 1, failed 0\n",
      });
      expect(err).toBe("Waiting for servers to process them (use --run to process them here)\n");
    } finally {
      await service.close();
    }
  });

  it("stops waiting at an interrupt, and leaves what is queued", async () => {
    const ids = await record(1);
    const stop = new AbortController();
    const waiting = run(["--wait"], {
      stopSignal: () => stop.signal,
      onErr: (text) => text.startsWith("Waiting") && stop.abort(),
    });
    expect(await waiting).toMatchObject({
      code: 1,
      out: "Queued 1 of 1 uploads\nProcessed 0, failed 0, 1 still waiting\n",
    });
    expect(Object.keys(await queued())).toEqual(ids);
  });

  it.each([
    [["--status", "uploading"], 'Unknown status "uploading": use one of failed, stored'],
    [["--status", "toString"], 'Unknown status "toString"'],
    [["--since", "2099-01-01"], "--since takes"],
    [["--tenant", "../x"], "Cannot use tenant id"],
    [["--after", "x"], "--after takes the id of an upload"],
    [["--processor", "ocr"], 'Unknown processor "ocr": use one of metadata, text'],
    [["--dry-run", "--run"], "--dry-run queues nothing"],
    [["failed"], 'Unexpected argument "failed"'],
  ])("refuses %j with exit 2 and the way to the help", async (args, message) => {
    const { code, out, err } = await run(args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(message);
    expect(err).toContain("Try: stowage process --help");
  });
});

/** The service on the storage and database of the test. */
async function served(): Promise<Stowage> {
  return await createStowage({
    env,
    logger: SILENT,
    authenticate: async () => null,
  });
}

async function put({ uploads }: Stowage, name: string): Promise<void> {
  const bytes = await readFile(join(FIXTURES, name));
  await uploads.upload({
    tenant: ACME,
    createdBy: "key:test",
    originalFilename: name,
    declaredType: undefined,
    body: { kind: "bytes", bytes },
    details: async () => ({ autoProcess: false, metadata: {} }),
    signal: undefined,
  });
}
