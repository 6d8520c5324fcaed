import { expect, onTestFinished, test } from "vitest";
import { migrate } from "../../../src/adapters/records/migrations.ts";
import { openNodeSqlite } from "../../../src/adapters/records/node-sqlite.ts";
import { createTenantRecords } from "../../../src/adapters/records/tenants.ts";
import {
  TENANT_CACHE_MS,
  TenantLimitsService,
} from "../../../src/application/uploads/tenant-limits-service.ts";
import { configuredLimits } from "../../../src/config/tenant-limits.ts";
import { loadConfig } from "../../../src/config.ts";
import { StowageError } from "../../../src/domain/errors.ts";
import { parseTenantId } from "../../../src/domain/tenant.ts";
import { ACME, OTHER, TestClock } from "../../support/services.ts";

async function scene(env: Record<string, string> = {}) {
  const clock = new TestClock();
  const executor = await openNodeSqlite(":memory:");
  onTestFinished(() => executor.close());
  await migrate(executor);
  const tenants = createTenantRecords(executor, clock);
  const state = { reads: 0, away: false };
  const limits = new TenantLimitsService({
    clock,
    configured: configuredLimits(loadConfig(env)),
    tenants: {
      async find(tenant) {
        state.reads += 1;
        if (state.away) throw new StowageError("records_unavailable", "Cannot reach records");
        return await tenants.find(tenant);
      },
    },
  });
  return { clock, tenants, limits, state };
}

test("of() returns the configuration with the overrides of operators", async () => {
  const { tenants, limits } = await scene({
    MAX_UPLOAD_BYTES: "5MB",
    ALLOWED_CONTENT_TYPES: "image/*",
    AUTO_PROCESS: "true",
    QUOTA_BYTES: "1GB",
    RATE_LIMIT_PER_TENANT: "60",
  });
  const configured = {
    maxUploadBytes: 5e6,
    allowedContentTypes: ["image/*"],
    autoProcess: true,
    quotaBytes: 1e9,
    quotaUploads: null,
    requestsPerMinute: 60,
  };
  await tenants.set(ACME, { quotaBytes: null, autoProcess: false });
  expect(await limits.of(ACME)).toEqual({ ...configured, quotaBytes: null, autoProcess: false });
  expect(await limits.of(OTHER)).toEqual(configured);
});

test("of() caches overrides for exactly two seconds", async () => {
  const { clock, tenants, limits, state } = await scene();
  await limits.of(ACME);
  await tenants.set(ACME, { quotaUploads: 3 });
  clock.advance(TENANT_CACHE_MS - 1);
  expect((await limits.of(ACME)).quotaUploads).toBeNull();
  expect(state.reads).toBe(1);
  clock.advance(1);
  expect((await limits.of(ACME)).quotaUploads).toBe(3);
});

test("of() reads again when the clock was set back", async () => {
  const { clock, limits, state } = await scene();
  await limits.of(ACME);
  clock.advance(-60_000);
  await limits.of(ACME);
  expect(state.reads).toBe(2);
});

test("of() uses cached overrides for a minute while the database is away, then fails", async () => {
  const { clock, tenants, limits, state } = await scene();
  await tenants.set(ACME, { quotaUploads: 3 });
  await limits.of(ACME);
  state.away = true;
  clock.advance(59_999);
  expect((await limits.of(ACME)).quotaUploads).toBe(3);
  await expect(limits.of(OTHER)).rejects.toMatchObject({ code: "records_unavailable" });
  clock.advance(1);
  await expect(limits.of(ACME)).rejects.toMatchObject({ code: "records_unavailable" });
  state.away = false;
  expect((await limits.of(ACME)).quotaUploads).toBe(3);
});

test("of() caches the thousand tenants that were read last", async () => {
  const { limits, state } = await scene();
  for (let index = 0; index <= 1000; index++) await limits.of(parseTenantId(`t${index}`));
  expect(state.reads).toBe(1001);
  await limits.of(parseTenantId("t1"));
  expect(state.reads).toBe(1001);
  await limits.of(parseTenantId("t0"));
  expect(state.reads).toBe(1002);
});
