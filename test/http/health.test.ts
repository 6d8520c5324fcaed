import { expect, test } from "vitest";
import { StowageError } from "../../src/domain/errors.ts";
import { probeDriver } from "../../src/domain/probe-driver.ts";
import { parseObjectKey, type StorageDriver } from "../../src/driver.ts";
import { testApp } from "../support/test-app.ts";
import { problemOf } from "./problem-of.ts";

/** What must never leave the service, as it may stand in an error of a storage. */
const CANARY = "canary-/srv/data/bucket-7f3a";

const OPERATOR = { headers: { Authorization: "Bearer operator" } };

/** An app whose storage takes no writes for as long as `code` is set. */
async function appThatFails() {
  const fault: { code: "storage_full" | "storage_read_only" | "text" | null } = { code: null };
  const app = await testApp({
    tamper(driver) {
      const refuse = async (...call: Parameters<StorageDriver["put"]>) => {
        if (fault.code === null) return await driver.put(...call);
        // A third party's driver may throw anything at all.
        if (fault.code === "text") throw CANARY;
        throw new StowageError(fault.code, `Cannot write ${CANARY}`, { cause: new Error(CANARY) });
      };
      const random = (bytes: Uint8Array) =>
        crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);
      const tampered = { ...driver, put: refuse };
      return { put: refuse, check: (options) => probeDriver(tampered, random, options) };
    },
  });
  const ready = async () => {
    const answer = await app.send("GET", "/health/ready", { headers: { Authorization: "" } });
    const { status, checks } = (await answer.json()) as { status: string; checks: object[] };
    return [answer.status, status, checks] as const;
  };
  return { ...app, fault, ready };
}

test.each([
  ["storage_full", 507, null],
  ["storage_read_only", 503, "5"],
  ["text", 503, "5"],
] as const)("a storage that fails with %s makes uploads fail, and readiness follows", async (code, status, retryAfter) => {
  const app = await appThatFails();
  const before = await app.put("from before");
  expect(await app.ready()).toEqual([
    200,
    "ready",
    ["storage", "records", "processing"].map((name) => ({
      name,
      status: "healthy",
      error_code: null,
    })),
  ]);
  app.fault.code = code;
  const kept = await app.kept();
  const answer = await app.send("PUT", "/api/v1/upload/a.txt", { body: "x" });
  expect(answer.headers.get("retry-after")).toBe(retryAfter);
  const reported = JSON.stringify([...answer.headers]) + (await answer.clone().text());
  expect(reported).not.toContain("canary");
  const errorCode = code === "text" ? "storage_unavailable" : code;
  expect(await problemOf(answer)).toEqual({ status, code: errorCode });
  expect(await app.kept()).toEqual(kept);

  const [unready, word, checks] = await app.ready();
  expect([unready, word]).toEqual([503, "unready"]);
  expect(checks[0]).toEqual({ name: "storage", status: "unhealthy", error_code: errorCode });
  expect(JSON.stringify(checks)).not.toContain("canary");
  // What is stored stays readable meanwhile.
  const file = await app.send("GET", `/api/v1/upload/${before.id}/file`);
  expect(await file.text()).toBe("from before");

  app.fault.code = null;
  app.clock.advance(2_000);
  expect((await app.ready())[0]).toBe(200);
});

test("GET /storage/health probes every storage anew and names what is denied", async () => {
  const app = await appThatFails();
  const get = async () => {
    const answer = await app.send("GET", "/api/v1/storage/health", OPERATOR);
    return { status: answer.status, body: (await answer.json()) as { storages: object[] } };
  };
  const steps = (write: boolean) => expect.arrayContaining([{ name: "write", ok: write }]);
  const service = { service: "memory_file_storage", uri: "memory:" };
  const healthy = { ...service, status: "healthy", error_code: null, steps: steps(true) };
  expect(await get()).toMatchObject({ status: 200, body: { storages: [healthy] } });
  app.fault.code = "storage_read_only";
  const unhealthy = { status: "unhealthy", error_code: "storage_read_only", steps: steps(false) };
  const found = await get();
  expect(found).toMatchObject({ status: 503, body: { storages: [unhealthy] } });
  expect(JSON.stringify(found)).not.toContain("canary");
});

test("a file that is missing is an error once, and a number for operators until it is back", async () => {
  const app = await testApp();
  const { id, filename, ...before } = await app.put("hello");
  const { primary } = app.stowage.storages;
  const key = parseObjectKey(`acme/${id}/${filename}`);
  await primary.delete([key]);
  const file = (method: string) => app.send(method, `/api/v1/upload/${id}/file`);
  const { etag } = Object.fromEntries((await file("HEAD")).headers);
  const errors = () => app.log.filter(({ level }) => level === "error").map(({ event }) => event);
  for (let time = 0; time < 3; time += 1) {
    expect(await problemOf(await file("GET"))).toEqual({ status: 500, code: "object_not_found" });
    expect(errors()).toEqual(["storage.file_missing", "request.failed"]);
  }
  const [line] = app.log.filter(({ event }) => event === "storage.file_missing");
  expect(line?.fields).toEqual({ uploadId: id, tenantId: "acme", storageId: primary.id });
  const after = (await app.send("GET", `/api/v1/upload/${id}`)).json();
  expect(await after).toEqual({ id, filename, ...before });
  expect((await file("HEAD")).headers.get("etag")).toBe(etag);

  const missing = async () => {
    const answer = await app.send("GET", "/api/v1/storage/health", OPERATOR);
    const { storages } = (await answer.json()) as { storages: { missing_files: number }[] };
    return [answer.status, ...storages.map(({ missing_files }) => missing_files)];
  };
  expect(await missing()).toEqual([200, 1]);
  await primary.save(key, { kind: "bytes", bytes: new TextEncoder().encode("hello") });
  expect(await missing()).toEqual([200, 0]);
  expect(await (await file("GET")).text()).toBe("hello");
});

test("GET /storage/health does not know what is missing while the records are away", async () => {
  const app = await testApp({
    tamperRecords: () => ({
      async countMissing() {
        throw new StowageError("records_unavailable", `Cannot open ${CANARY}`);
      },
    }),
  });
  const answer = await app.send("GET", "/api/v1/storage/health", OPERATOR);
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({ storages: [{ missing_files: null }] });
});

test("records that are away make the service unready, but not dead", async () => {
  const app = await testApp({
    tamperRecords: () => ({
      async check() {
        throw new StowageError("records_unavailable", `Cannot open ${CANARY}`);
      },
    }),
  });
  const answer = await app.send("GET", "/health/ready");
  expect(answer.status).toBe(503);
  const body = await answer.text();
  expect(body).toContain(
    '{"name":"records","status":"unhealthy","error_code":"records_unavailable"}',
  );
  expect(body).not.toContain("canary");
  const live = await app.send("GET", "/health/live");
  expect([live.status, await live.json()]).toEqual([200, { status: "alive" }]);
});

test("readiness falls as soon as the service stops, with everything healthy", async () => {
  const app = await testApp();
  app.stowage.health.beginShutdown();
  const answer = await app.send("GET", "/health/ready");
  expect([answer.status, await answer.json()]).toMatchObject([503, { status: "unready" }]);
});

test("readiness never says unhealthy in a 200: what hinders no upload is degraded", async () => {
  const app = await testApp({
    extractorCheck: async () => {
      throw new StowageError("extractor_unavailable", `Cannot start ${CANARY}`);
    },
  });
  const answer = await app.send("GET", "/health/ready");
  const body = await answer.text();
  expect(answer.status).toBe(200);
  expect(body).toContain(
    '{"name":"processing","status":"degraded","error_code":"extractor_unavailable"}',
  );
  expect(body).not.toMatch(/unhealthy|canary/);
});

test("GET /storage/health reports the worst of all storages at its top", async () => {
  const app = await appThatFails();
  const top = async () => {
    const answer = await app.send("GET", "/api/v1/storage/health", OPERATOR);
    const { service, status, error_code } = (await answer.json()) as Record<string, unknown>;
    return [service, status, error_code];
  };
  expect(await top()).toEqual(["file_storage", "healthy", null]);
  app.fault.code = "storage_full";
  expect(await top()).toEqual(["file_storage", "unhealthy", "storage_full"]);
});

test("start() reports unavailable processing, but not a stop that came first", async () => {
  for (const stopFirst of [false, true]) {
    const checked = Promise.withResolvers<void>();
    const app = await testApp({ extractorCheck: () => checked.promise });
    app.stowage.start();
    if (stopFirst) app.stowage.beginShutdown();
    checked.reject(new StowageError("extractor_unavailable", "Cannot process documents: closed"));
    await checked.promise.catch(() => {});
    const reported = app.log.filter(({ event }) => event === "processing.unavailable");
    expect(reported).toHaveLength(stopFirst ? 0 : 1);
  }
});
