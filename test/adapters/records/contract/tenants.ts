import { expect, it } from "vitest";
import { parseTenantId } from "../../../../src/domain/tenant.ts";
import { ACME, type Bench, GLOBEX, store } from "../bench.ts";

const NOTHING = { bytes: 0, uploads: 0 };

export function tenantsContract(bench: () => Bench): void {
  it("find() returns an unknown tenant, too", async () => {
    expect(await bench().tenants.find(ACME)).toEqual({
      tenant: ACME,
      overrides: {},
      usage: NOTHING,
    });
  });

  it("set() changes only the given overrides, and undefined removes one", async () => {
    const { tenants } = bench();
    await tenants.set(ACME, { quotaBytes: 5, autoProcess: false });
    await tenants.set(GLOBEX, { quotaUploads: 1 });
    await tenants.set(ACME, { quotaBytes: null, allowedContentTypes: ["image/*", "a/b"] });
    const overrides = {
      quotaBytes: null,
      autoProcess: false,
      allowedContentTypes: ["image/*", "a/b"],
    };
    await store(bench(), {}, { sizeBytes: 3 });
    expect(await tenants.find(ACME)).toEqual({
      tenant: ACME,
      overrides,
      usage: { bytes: 3, uploads: 1 },
    });
    await tenants.set(ACME, { quotaBytes: undefined, maxUploadBytes: undefined });
    const { quotaBytes: _, ...rest } = overrides;
    expect((await tenants.find(ACME)).overrides).toEqual(rest);
    await tenants.set(ACME, { autoProcess: undefined, allowedContentTypes: undefined });
    expect((await tenants.find(ACME)).overrides).toEqual({});
    expect((await tenants.find(GLOBEX)).overrides).toEqual({ quotaUploads: 1 });
  });

  it("concurrent calls of set() lose no change", async () => {
    const { tenants } = bench();
    await Promise.all([
      tenants.set(ACME, { quotaBytes: 2 ** 40 }),
      tenants.set(ACME, { quotaUploads: 2 }),
      tenants.set(ACME, { requestsPerMinute: 3 }),
      tenants.set(ACME, { autoProcess: undefined }),
    ]);
    expect((await tenants.find(ACME)).overrides).toEqual({
      quotaBytes: 2 ** 40,
      quotaUploads: 2,
      requestsPerMinute: 3,
    });
  });

  it("list() returns tenants with overrides or uploads, by name, page by page", async () => {
    const { tenants, records } = bench();
    for (const name of ["b", "d", "B", "c"]) await store(bench(), { tenant: parseTenantId(name) });
    for (const name of ["c", "a", "e"]) await tenants.set(parseTenantId(name), { quotaBytes: 1 });
    await records.usage(ACME);
    const all = await tenants.list({ limit: 9, after: null });
    expect(all.map(({ tenant }) => tenant)).toEqual(["B", "a", "b", "c", "d", "e"]);
    expect(all[3]).toMatchObject({ overrides: { quotaBytes: 1 }, usage: { uploads: 1 } });
    expect(await tenants.list({ limit: 2, after: parseTenantId("a") })).toEqual(all.slice(2, 4));
    await records.dropStorage("storage-1");
    expect(await tenants.list({ limit: 9, after: null })).toHaveLength(3);
  });

  it("secret() is generated once, and the same for all callers", async () => {
    const { records } = bench();
    const answers = await Promise.all(
      ["one", "two", "three"].map((fresh) => records.secret("cursors", fresh)),
    );
    expect(new Set(answers).size).toBe(1);
    expect(await records.secret("cursors", "four")).toBe(answers[0]);
    expect(await records.secret("links", "five")).toBe("five");
    await records.check();
  });
}
