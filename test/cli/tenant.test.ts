import { describe, expect, it, onTestFinished } from "vitest";
import { migrate } from "../../src/adapters/records/migrations.ts";
import { openNodeSqlite } from "../../src/adapters/records/node-sqlite.ts";
import { createUploadRecords } from "../../src/adapters/records/upload-records.ts";
import { formatSize } from "../../src/cli/format.ts";
import { parseTenantId } from "../../src/domain/tenant.ts";
import { openKeyRecords, openTenantRecords } from "../../src/runtime/node-parts.ts";
import { createBench, FACTS, reserve } from "../adapters/records/bench.ts";
import { ServerProcess } from "../support/server-process.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { stowage } from "./terminal.ts";

/** A database of its own, and a terminal beside it. */
function scene(env: Record<string, string> = {}) {
  const path = `${tempFolder()}/records.db`;
  const settings = { DATABASE_URL: `sqlite:${path}`, ...env };
  const tenant = (...argv: string[]) =>
    stowage(["tenant", ...argv], { env: settings, runtime: { openTenantRecords } });
  return {
    tenant,
    json: async (...argv: string[]) => {
      const { code, out } = await tenant(...argv, "--json");
      expect(code).toBe(0);
      return JSON.parse(out);
    },
    /** Let each of `tenants` keep one upload of so many bytes. */
    async keep(tenants: readonly string[], sizeBytes: number) {
      const executor = await openNodeSqlite(path);
      onTestFinished(() => executor.close());
      await migrate(executor);
      const bench = createBench(executor);
      const records = createUploadRecords(executor, bench.clock);
      const commit = async (name: string) =>
        records.commit(await reserve(bench, { tenant: parseTenantId(name) }), {
          ...FACTS,
          sizeBytes,
        });
      await Promise.all(tenants.map(commit));
    },
  };
}

const DEFAULTS = {
  max_upload_bytes: 5 * 2 ** 30,
  quota_bytes: null,
  quota_uploads: null,
  allowed_content_types: ["*/*"],
  auto_process: false,
  requests_per_minute: null,
};

describe("stowage tenant set", () => {
  it("says every limit, one by one, and takes it back", async () => {
    const { json } = scene({ QUOTA_UPLOADS: "7" });
    const configured = { ...DEFAULTS, quota_uploads: 7 };
    const said = {
      max_upload_bytes: 1e6,
      quota_bytes: 10 * 2 ** 30,
      quota_uploads: 12,
      allowed_content_types: ["application/pdf", "image/*"],
      auto_process: true,
      requests_per_minute: 60,
    };
    const values = {
      "max-upload": "1MB",
      quota: "10GiB",
      "quota-uploads": "12",
      types: "application/PDF, image/*",
      "auto-process": "true",
      rate: "60",
    };
    const options = Object.entries(values).map(([option, value]) => [`--${option}`, value]);
    for (const option of options) await json("set", "acme", ...option);
    expect(await json("show", "acme")).toEqual({
      tenant: "acme",
      usage: { bytes: 0, uploads: 0 },
      limits: said,
      overridden: Object.keys(said),
    });
    expect((await json("show", "globex")).limits).toEqual(configured);
    const answer = await json(
      "set",
      "acme",
      ...options.flatMap(([option = ""]) => [option, "default"]),
    );
    expect(answer).toMatchObject({ limits: configured, overridden: [] });
    expect(await json("list")).toEqual({ items: [] });
  });

  it("takes none for no limit, whatever the configuration says", async () => {
    const { json } = scene({ QUOTA_BYTES: "1GB", QUOTA_UPLOADS: "7", RATE_LIMIT_PER_TENANT: "9" });
    const none = ["--quota", "none", "--quota-uploads", "none", "--rate", "none"];
    expect(await json("set", "acme", ...none)).toMatchObject({
      limits: DEFAULTS,
      overridden: ["quota_bytes", "quota_uploads", "requests_per_minute"],
    });
  });

  it.each<[string[], string]>([
    [[], "Missing the ID of the tenant"],
    [
      ["acme"],
      "Nothing to set: give at least one of --max-upload, --quota, --quota-uploads, --types",
    ],
    [["a/b", "--rate", "1"], 'Cannot use tenant id "a/b"'],
    [["acme", "globex", "--rate", "1"], 'Unexpected argument "globex"'],
    [
      ["acme", "--quota", "5 apples"],
      '--quota takes a size of at least 0 bytes, in bytes or like 5GiB, 100MB, none, or default; read "5 apples"',
    ],
    [["acme", "--quota", ""], "--quota takes a size of at least 0 bytes"],
    [["acme", "--quota-uploads", "-1"], "--quota-uploads"],
    [["acme", "--quota-uploads=1.5"], "--quota-uploads takes a whole number from 0 to"],
    [["acme", "--max-upload", "none"], "--max-upload takes a size of at least 1 bytes"],
    [["acme", "--types", "none"], "--types takes media types separated by commas"],
    [["acme", "--types", ","], "--types takes media types"],
    [["acme", "--auto-process", "yes"], "--auto-process takes true or false, or default"],
    [["acme", "--rate", "0"], "--rate takes a whole number from 1 to"],
    [["acme", "--rate", "9", "--quota", "x"], "--quota takes"],
    [["acme", "--qouta", "1"], "Unknown option '--qouta'"],
    [["acme", "--quota"], "argument missing"],
  ])("refuses %j with 2 and changes nothing", async (argv, message) => {
    const { tenant, json } = scene();
    const { code, out, err } = await tenant("set", ...argv);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(message);
    expect(err).toContain("Try: stowage tenant set --help");
    expect(await json("list")).toEqual({ items: [] });
  });

  it("refuses a database in memory, where no one would ever read it", async () => {
    const { tenant } = scene({ DATABASE_URL: "sqlite::memory:" });
    const { code, err } = await tenant("set", "acme", "--rate", "1");
    expect(code).toBe(2);
    expect(err).toContain("a database in memory");
  });
});

it("what is said holds in a server that runs, and so does taking it back", async () => {
  const folder = tempFolder();
  const env = {
    DATABASE_URL: `sqlite:${folder}/records.db`,
    FILE_STORAGE_PATH: `${folder}/uploads`,
  };
  const runtime = { openKeyRecords, openTenantRecords };
  const { out: key } = await stowage(["token", "create", "--tenant", "acme"], { env, runtime });
  const server = await ServerProcess.start(env);
  const put = async () => {
    const answer = await fetch(`${server.url}/api/v1/upload/a.txt`, {
      method: "PUT",
      headers: { Authorization: `Bearer ${key.trim()}` },
      body: "hello",
    });
    const problem = (await answer.json()) as { code?: string; detail?: string };
    return { ...problem, status: answer.status };
  };
  expect((await put()).status).toBe(201);
  for (const [quota, status] of [
    ["7", 413],
    ["default", 201],
  ] as const) {
    await stowage(["tenant", "set", "acme", "--quota", quota], { env, runtime });
    await expect.poll(async () => (await put()).status, { timeout: 10_000 }).toBe(status);
    if (status !== 413) continue;
    const { code, detail } = await put();
    expect(code).toBe("quota_exceeded");
    expect(detail).toMatch(/of 7 are in use.*ask the operator/);
  }
});

describe("stowage tenant show", () => {
  it("reports what a tenant keeps, what applies to it, and who said so", async () => {
    const { tenant, keep } = scene({ QUOTA_BYTES: "1GB" });
    await keep(["acme"], 52_031);
    const { out: said } = await tenant("set", "acme", "--max-upload", "100MB", "--rate", "none");
    const { code, out } = await tenant("show", "acme");
    expect(code).toBe(0);
    expect(out).toBe(said);
    expect(out).toBe(`Tenant acme has 1 upload, 50.8 KiB

LIMIT                                  VALUE   FROM
Largest file accepted                  100 MB  this tenant
Total size of its uploads              1 GB    configuration (QUOTA_BYTES)
Number of its uploads                  none    configuration (QUOTA_UPLOADS)
Accepted file types                    */*     configuration (ALLOWED_CONTENT_TYPES)
Whether uploads are processed at once  false   configuration (AUTO_PROCESS)
Requests per minute                    none    this tenant
`);
  });

  it.each([
    [[], "Missing the ID of the tenant"],
    [[".."], "Cannot use tenant id"],
  ])("refuses %j with 2", async (argv, message) => {
    const { code, err } = await scene().tenant("show", ...argv);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });
});

describe("stowage tenant list", () => {
  it("shows a person tenants by name, what they keep, may keep, and what was said", async () => {
    const { tenant, keep } = scene({ QUOTA_UPLOADS: "100" });
    await keep(["b", "acme"], 2048);
    await tenant("set", "zeta", "--quota", "1GiB", "--types", "image/*");
    const { code, out } = await tenant("list");
    expect(code).toBe(0);
    expect(out).toBe(`TENANT  UPLOADS  LIMIT  SIZE     QUOTA  OWN LIMITS
acme    1        100    2 KiB    none   -
b       1        100    2 KiB    none   -
zeta    0        100    0 bytes  1 GiB  quota, types
`);
  });

  it("reads through all pages", async () => {
    const { json, keep } = scene();
    const names = Array.from({ length: 1001 }, (_, index) => `t${10_000 + index}`);
    await keep(names, 1);
    const { items } = await json("list");
    expect(items.map(({ tenant }: { tenant: string }) => tenant)).toEqual(names);
  });

  it("says so when there is none", async () => {
    const { code, out, err } = await scene().tenant("list");
    expect({ code, out }).toEqual({ code: 0, out: "" });
    expect(err).toContain("No tenants in sqlite:");
  });
});

it.each([
  [0, "0 bytes"],
  [1023, "1023 bytes"],
  [1000, "1 KB"],
  [1024, "1 KiB"],
  [1_500_000, "1500 KB"],
  [5 * 2 ** 30, "5 GiB"],
  [2 ** 31 + 1, "2.0 GiB"],
  [52_031, "50.8 KiB"],
])("formatSize(%d) is %s", (bytes, text) => expect(formatSize(bytes)).toBe(text));
