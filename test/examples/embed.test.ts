import { spawn } from "node:child_process";
import { cpSync, readdirSync, readlinkSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { serve } from "@hono/node-server";
import { expect, onTestFinished, test } from "vitest";
import { createApp } from "../../examples/embed/app.ts";
import { createClient } from "../../src/client.ts";
import { createStowage, SILENT, type StowageOptions } from "../../src/node.ts";
import { defineProcessor } from "../../src/processor.ts";
import { installPackage } from "../support/package-sources.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { countingDriver } from "./counting-driver.ts";

const UPLOAD = "/files/api/v1/upload";
const CHUNK_BYTES = 65_536;

/** The example on a port of its own. */
async function embedded(stowage: StowageOptions = {}) {
  const folder = tempFolder();
  const { app, stowage: service } = await createApp({
    secret: "a secret of the test's own, long enough",
    secure: true,
    checkPassword: (name, password) => password === `${name}'s password`,
    stowage: {
      logger: SILENT,
      env: {
        FILE_STORAGE_PATH: join(folder, "uploads"),
        DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
        MAX_UPLOAD_BYTES: "100000000",
      },
      ...stowage,
    },
  });
  service.start();
  const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }) as Server;
  await new Promise((resolve) => server.once("listening", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let closing: Promise<void> | null = null;
  const close = () => {
    closing ??= (async () => {
      service.beginShutdown();
      const idle = setInterval(() => server.closeIdleConnections(), 20);
      await new Promise((resolve) => server.close(resolve));
      clearInterval(idle);
      await service.close();
    })();
    return closing;
  };
  onTestFinished(() => {
    // What a test has aborted would be waited for.
    server.closeAllConnections();
    return close();
  });
  const login = async (name: string, password = `${name}'s password`) => {
    const answer = await fetch(`${url}/login`, {
      method: "POST",
      redirect: "manual",
      headers: { Origin: url },
      body: new URLSearchParams({ name, password }),
    });
    return { answer, cookie: answer.headers.get("set-cookie")?.split(";")[0] ?? "" };
  };
  const as = async (name: string) => {
    const { cookie } = await login(name);
    return {
      cookie,
      client: createClient({ baseUrl: `${url}/files`, headers: { cookie, origin: url } }),
    };
  };
  return { url, folder, service, login, as, close };
}

test("without a session there are no files, and the host's own routes are its own", async () => {
  const { url, login } = await embedded();
  expect((await fetch(`${url}${UPLOAD}`)).status).toBe(401);
  expect((await fetch(`${url}${UPLOAD}/x.txt`, { method: "PUT", body: "x" })).status).toBe(403);
  expect((await fetch(`${url}/files/health/live`)).status).toBe(200);
  expect((await fetch(`${url}/api/v1/upload`)).status).toBe(404);
  expect((await fetch(`${url}/`, { redirect: "manual" })).headers.get("location")).toBe("/login");
  expect(await (await fetch(`${url}/login`)).text()).toContain("Log in");
  expect((await login("ann", "a guess")).answer.status).toBe(403);
});

test("what Ann uploads is Ann's, and links lead to where it is mounted", async () => {
  const { url, as, folder } = await embedded();
  const [ann, bob] = [await as("ann"), await as("bob")];
  const stored = await fetch(`${url}${UPLOAD}`, {
    method: "POST",
    headers: { cookie: ann.cookie, origin: url },
    body: new FormData(),
  });
  expect(stored.status).toBe(400);
  const upload = await ann.client.upload(new Blob(["Ann's"]), { filename: "a.txt" });
  expect(upload).toMatchObject({ tenant_id: "ann", created_by: "user:ann" });
  const put = await fetch(`${url}${UPLOAD}/b.txt`, {
    method: "PUT",
    headers: { cookie: ann.cookie, origin: url },
    body: "too",
  });
  const location = put.headers.get("location") ?? "";
  expect(location).toMatch(/^\/files\/api\/v1\/upload\/[0-9a-f-]{36}$/);
  const headers = { cookie: ann.cookie };
  expect((await fetch(new URL(location, url), { headers })).status).toBe(200);
  expect(await (await ann.client.download(upload.id)).text()).toBe("Ann's");
  expect((await bob.client.listPage()).items).toEqual([]);
  await expect(bob.client.get(upload.id)).rejects.toMatchObject({ code: "upload_not_found" });
  expect(readdirSync(join(folder, "uploads")).filter((name) => !name.startsWith("."))).toEqual([
    "ann",
  ]);
  const page = await fetch(`${url}/`, { headers });
  expect(await page.text()).toContain("Your files");
});

test("a cookie that was changed, or has run out, is none", async () => {
  const { url, as } = await embedded();
  const { cookie } = await as("ann");
  for (const other of [
    cookie.replace("ann", "bob"),
    cookie.replace(/=\d/, "=9"),
    cookie.slice(0, -3),
    "session=9999999999999.ann",
  ]) {
    const answer = await fetch(`${url}${UPLOAD}`, { headers: { cookie: other } });
    expect(answer.status, other).toBe(401);
  }
});

test("another site cannot upload with Ann's cookie", async () => {
  const { url, as } = await embedded();
  const { cookie, client } = await as("ann");
  const forms: readonly [type: string, headers: Record<string, string>][] = [
    ["multipart/form-data; boundary=x", { origin: "https://evil.example" }],
    ["text/plain", { origin: "https://evil.example" }],
    ["text/plain", { origin: "http://127.0.0.1:1" }],
    ["text/plain", { origin: "null" }],
    ["text/plain", { "sec-fetch-site": "cross-site" }],
    ["text/plain", {}],
  ];
  for (const [type, headers] of forms) {
    const put = { method: "PUT", body: "x", headers: { cookie, "content-type": type, ...headers } };
    expect((await fetch(`${url}${UPLOAD}/a.txt`, put)).status).toBe(403);
  }
  expect((await client.listPage()).items).toEqual([]);
  // What needs a preflight gets no permission.
  const preflight = await fetch(`${url}${UPLOAD}/a.txt`, {
    method: "OPTIONS",
    headers: { origin: "https://evil.example", "access-control-request-method": "PUT" },
  });
  expect(preflight.headers.get("access-control-allow-origin")).toBeNull();
});

test("bodies stream through: each part reaches the storage before the next is sent, and back", async () => {
  const { definition, counts, received } = countingDriver();
  const { as } = await embedded({
    drivers: [definition],
    env: { FILE_STORAGE_TYPE: "counting", DATABASE_URL: "sqlite::memory:" },
  });
  const { client } = await as("ann");
  async function* source() {
    for (let sent = 0; sent < 250; sent += 1) {
      // Some chunks are on their way in buffers of sockets and streams; a body that is gathered never gets here.
      await received((sent - 40) * CHUNK_BYTES);
      yield new Uint8Array(CHUNK_BYTES);
    }
  }
  const { id, size } = await client.upload(source(), { filename: "zeros.bin" });
  expect([size, counts.put]).toEqual([250 * CHUNK_BYTES, 250 * CHUNK_BYTES]);

  const stop = new AbortController();
  const { body } = await client.download(id, { signal: stop.signal });
  const reader = body?.getReader();
  await reader?.read();
  stop.abort(new Error("enough"));
  await counts.cancelled;
  expect(counts.got).toBeLessThan(size ?? 0);
});

test("a client that goes in the middle of an upload leaves nothing behind", async () => {
  const { definition, counts, received } = countingDriver();
  const { as } = await embedded({
    drivers: [definition],
    env: { FILE_STORAGE_TYPE: "counting", DATABASE_URL: "sqlite::memory:" },
  });
  const { client } = await as("ann");
  const stop = new AbortController();
  async function* source() {
    yield new Uint8Array(CHUNK_BYTES * 4);
    await received(CHUNK_BYTES);
    stop.abort(new Error("enough"));
    await new Promise(() => {});
  }
  const uploading = client.upload(source(), { filename: "a.bin", signal: stop.signal });
  await expect(uploading).rejects.toThrow("enough");
  await counts.putFailed;
  await expect.poll(async () => (await client.listPage({ status: "uploading" })).items).toEqual([]);
  expect((await client.listPage()).items).toEqual([]);
});

test("a body that is too long is refused, though it has not ended", async () => {
  const { url, as } = await embedded({
    env: {
      FILE_STORAGE_TYPE: "memory",
      DATABASE_URL: "sqlite::memory:",
      MAX_UPLOAD_BYTES: "100000",
    },
  });
  const { client, cookie } = await as("ann");
  async function* endless() {
    for (;;) yield new Uint8Array(CHUNK_BYTES);
  }
  const uploading = client.upload(endless(), { filename: "a.bin" });
  await expect(uploading).rejects.toMatchObject({ code: "upload_too_large", status: 413 });
  const put = await fetch(`${url}${UPLOAD}/a.bin`, {
    method: "PUT",
    headers: { cookie, origin: url },
    duplex: "half" as const,
    body: ReadableStream.from(endless()),
  });
  expect(put.status).toBe(413);
});

test("close() ends streams of events, waits for no one, and lets everything go", async () => {
  const never = defineProcessor({
    name: "never",
    version: "1",
    accepts: ["text/plain"],
    process: () => new Promise(() => {}),
  });
  const { url, as, close, folder } = await embedded({ processors: [never] });
  const { client, cookie } = await as("ann");
  const { id } = await client.upload(new Blob(["x"]), { filename: "a.txt", autoProcess: true });
  const events = await fetch(`${url}${UPLOAD}/${id}/events`, { headers: { cookie } });
  let reported = "";
  let closing: Promise<void> | null = null;
  for await (const text of events.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    reported += text;
    if (reported.includes("event: processing")) closing ??= close();
  }
  await closing;
  expect(reported).not.toContain("event: processed");
  const held = readdirSync("/proc/self/fd").flatMap((descriptor) => {
    try {
      return [readlinkSync(`/proc/self/fd/${descriptor}`)];
    } catch {
      return []; // the listing's own
    }
  });
  expect(held.filter((path) => path.startsWith(folder))).toEqual([]);
});

test.each([
  [
    "an error of the session's store",
    () => Promise.reject(new Error("away")),
    503,
    "auth_unavailable",
  ],
  ["a tenant that would be another folder", () => ({ tenant: "../bob" }), 500, "internal"],
  ["a tenant that is none", () => ({ tenant: "" }), 500, "internal"],
  ["nobody", () => null, 401, "unauthenticated"],
])("authenticate answers with %s", async (_, authenticate, status, code) => {
  const folder = tempFolder();
  const reported: unknown[] = [];
  const stowage = await createStowage({
    env: { FILE_STORAGE_PATH: folder, DATABASE_URL: "sqlite::memory:" },
    authenticate,
    logger: {
      ...SILENT,
      error: (_event, fields) => reported.push(fields?.["error"]),
      with: () => SILENT,
    },
  });
  onTestFinished(() => stowage.close());
  const put = new Request("http://test/api/v1/upload/a.txt", { method: "PUT", body: "x" });
  const answer = await stowage.fetch(put);
  expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([status, code]);
  expect(readdirSync(folder).filter((name) => !name.startsWith("."))).toEqual([]);
  if (code === "internal") expect(String(reported[0])).toContain("Expected as tenant 1 to 64 of");
});

test("main.ts serves by itself, and stops on SIGTERM", async () => {
  const folder = tempFolder();
  installPackage(folder, "hono", "@hono/node-server");
  cpSync("examples/embed", join(folder, "app"), { recursive: true });
  const child = spawn(process.execPath, [join(folder, "app/main.ts")], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"] as const,
    env: { PATH: process.env["PATH"], PORT: "0", LOG_LEVEL: "error" },
  });
  const ended = new Promise((resolve) => child.once("exit", (code) => resolve(code)));
  onTestFinished(() => void child.kill("SIGKILL"));
  let url = "";
  for await (const text of child.stdout.setEncoding("utf8")) {
    url = /http:\S+/.exec(String(text))?.[0] ?? "";
    if (url !== "") break;
  }
  const login = await fetch(`${url}/login`, {
    method: "POST",
    redirect: "manual",
    headers: { Origin: url },
    body: new URLSearchParams({ name: "ann", password: "ann's password" }),
  });
  const headers = { cookie: login.headers.get("set-cookie")?.split(";")[0] ?? "" };
  expect((await fetch(`${url}${UPLOAD}`, { headers })).status).toBe(200);
  child.kill("SIGTERM");
  expect(await ended).toBe(0);
});
