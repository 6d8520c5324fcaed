import { expect, test } from "vitest";
import { parseTenantId } from "../../src/domain/tenant.ts";
import { filePart, form, type TestApp, testApp } from "../support/test-app.ts";
import { problemOf } from "./problem-of.ts";

const UPLOAD = "/api/v1/upload";
const KIB = 1024;

/** The ways in: the length known, unknown, and only bounded. */
const WAYS = {
  known: (app: TestApp, bytes: number) =>
    app.send("PUT", `${UPLOAD}/a.bin`, {
      body: "x".repeat(bytes),
      headers: { "Content-Length": String(bytes) },
    }),
  chunked: (app: TestApp, bytes: number) =>
    app.send("PUT", `${UPLOAD}/a.bin`, { body: new Blob(["x".repeat(bytes)]).stream() }),
  form: (app: TestApp, bytes: number) => {
    const sent = form([filePart("x".repeat(bytes))]);
    const headers = { ...sent.headers, "Content-Length": String(sent.body.length) };
    return app.send("POST", UPLOAD, { ...sent, headers });
  },
};

test.each(Object.entries(WAYS))("a quota is used to its last byte (%s)", async (_, send) => {
  const app = await testApp({ env: { QUOTA_BYTES: String(300 * KIB) } });
  expect((await send(app, 100 * KIB)).status).toBe(201);
  const last = await send(app, 200 * KIB);
  expect(last.status).toBe(201);
  const problem = await problemOf(await send(app, 1));
  expect(problem).toMatchObject({ status: 413, code: "quota_exceeded" });
  expect(await app.kept()).toEqual({ files: 2, records: 2 });
  expect(await app.rows()).toBe(2);
  const { id } = (await last.json()) as { id: string };
  await app.send("DELETE", `${UPLOAD}/${id}`);
  expect((await send(app, 200 * KIB)).status).toBe(201);
});

test.each(Object.entries(WAYS))("what passes the quota is not kept (%s)", async (_, send) => {
  const app = await testApp({ env: { QUOTA_BYTES: String(300 * KIB) } });
  const problem = await problemOf(await send(app, 300 * KIB + 1));
  expect(problem).toMatchObject({ status: 413, code: "quota_exceeded" });
  expect(await app.kept()).toEqual({ files: 0, records: 0 });
  expect(await app.rows()).toBe(0);
});

test("50 uploads at once, of all kinds, never pass the quota, and fill it", async () => {
  const app = await testApp({ env: { QUOTA_BYTES: String(20 * 10 * KIB) } });
  const sends = Object.values(WAYS);
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) => sends[i % sends.length]?.(app, 10 * KIB)),
  );
  const statuses = answers.map((answer) => answer?.status);
  expect(new Set(statuses)).toEqual(new Set([201, 413]));
  const usage = async () => (await app.tenants.find(parseTenantId("acme"))).usage;
  const kept = statuses.filter((status) => status === 201).length;
  expect(kept).toBeLessThanOrEqual(20);
  expect(await usage()).toEqual({ uploads: kept, bytes: kept * 10 * KIB });
  // Those that came too late held nothing back.
  for (let more = kept; more < 20; more += 1) {
    expect((await WAYS.known(app, 10 * KIB)).status).toBe(201);
  }
  expect((await WAYS.known(app, 1)).status).toBe(413);
});

test("50 small uploads of unknown length that arrive together do not keep each other out", async () => {
  let arrived = 0;
  const all = Promise.withResolvers<void>();
  const app = await testApp({
    // Each holds at most twice of what has come.
    env: { QUOTA_BYTES: String(50 * 20 * KIB + 1024 * KIB) },
    requestBody: async function* () {
      yield new Uint8Array(10 * KIB);
      arrived += 1;
      if (arrived === 50) all.resolve();
      await all.promise;
    },
  });
  const statuses = Array.from({ length: 50 }, async () => {
    const { status } = await app.send("PUT", `${UPLOAD}/a.bin`);
    if (status !== 201) all.resolve();
    return status;
  });
  expect(new Set(await Promise.all(statuses))).toEqual(new Set([201]));
});

test.each([
  ["with room to spare", 64 * 1024 * KIB],
  ["that just fits", 4000 * KIB],
])("a body of unknown length asks for room a few times %s, not for each of 1,000 chunks", async (_, quota) => {
  const asked: number[] = [];
  const app = await testApp({
    env: { QUOTA_BYTES: String(quota), MAX_UPLOAD_BYTES: String(8192 * KIB) },
    tamperRecords: (records) => ({
      async reserveQuota(reservation, bytes, limit) {
        asked.push(bytes);
        return await records.reserveQuota(reservation, bytes, limit);
      },
    }),
    requestBody: async function* () {
      for (let at = 0; at < 1000; at += 1) yield new Uint8Array(4 * KIB);
    },
  });
  expect((await app.send("PUT", `${UPLOAD}/a.bin`)).status).toBe(201);
  expect(asked.length).toBeLessThan(45);
  expect(Math.max(...asked)).toBeGreaterThanOrEqual(4000 * KIB);
});

test("what comes beyond the announced length of a form is counted, too", async () => {
  const app = await testApp({ env: { QUOTA_BYTES: String(300 * KIB) } });
  const sent = form([filePart("x".repeat(300 * KIB + 1))]);
  const headers = { ...sent.headers, "Content-Length": "1000" };
  const problem = await problemOf(await app.send("POST", UPLOAD, { ...sent, headers }));
  expect(problem).toMatchObject({ status: 413, code: "quota_exceeded" });
});

test("50 uploads at once never pass the number that is allowed", async () => {
  const app = await testApp({ env: { QUOTA_UPLOADS: "7" } });
  const answers = await Promise.all(Array.from({ length: 50 }, () => WAYS.known(app, 3)));
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(7);
  expect(await app.kept()).toEqual({ files: 7, records: 7 });
});

test("what an operator says of a tenant overrides the configuration", async () => {
  const app = await testApp({
    env: { MAX_UPLOAD_BYTES: "10", ALLOWED_CONTENT_TYPES: "text/plain", QUOTA_BYTES: "5" },
  });
  const acme = parseTenantId("acme");
  expect((await WAYS.known(app, 6)).status).toBe(413);
  await app.tenants.set(acme, {
    maxUploadBytes: 20,
    quotaBytes: null,
    autoProcess: true,
    allowedContentTypes: ["application/*"],
  });
  app.clock.advance(2001);
  const refused = await problemOf(await app.send("PUT", `${UPLOAD}/a.txt`, { body: "text" }));
  expect(refused).toMatchObject({ status: 415, code: "unsupported_media_type" });
  await app.tenants.set(acme, { allowedContentTypes: ["*/*"] });
  app.clock.advance(2001);
  for (const send of Object.values(WAYS)) {
    expect((await send(app, 20)).status).toBe(201);
    expect(await problemOf(await send(app, 21))).toMatchObject({ code: "upload_too_large" });
  }
  expect(await app.put("text")).toMatchObject({ status: "queued" });
  // No one else's.
  const headers = { Authorization: "Bearer other", "Content-Length": "11" };
  const others = await app.send("PUT", `${UPLOAD}/a.txt`, { body: "x".repeat(11), headers });
  expect(others.status).toBe(413);
});
