import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SignJWT } from "jose";
import { Miniflare } from "miniflare";
import { expect, onTestFinished, test } from "vitest";
import { tempFolder } from "../support/temp-folder.ts";

const SECRET = randomBytes(48).toString("base64");

/** The Worker as `wrangler deploy` would send it, in workerd, over D1. */
async function startWorker(vars: Record<string, string>): Promise<Miniflare> {
  const folder = tempFolder();
  execFileSync("wrangler", ["deploy", "--dry-run", "--outdir", folder], {
    env: { ...process.env, WRANGLER_SEND_METRICS: "false" },
    stdio: "ignore",
  });
  const bundle = join(folder, "workers.js");
  const worker = new Miniflare({
    // Named, because the bundle imports file-type's Node parts lazily, which miniflare would look for.
    modules: [{ type: "ESModule", path: "workers.js", contents: readFileSync(bundle, "utf8") }],
    compatibilityDate: "2026-07-30",
    compatibilityFlags: ["nodejs_compat"],
    d1Databases: ["DB"],
    bindings: { NODE_ENV: "production", FILE_STORAGE_TYPE: "memory", LOG_LEVEL: "error", ...vars },
  });
  onTestFinished(() => worker.dispose());
  const database = await worker.getD1Database("DB");
  const sql = readFileSync("migrations/0001_schema.sql", "utf8");
  await database.batch(
    sql
      .split(/;\n/)
      .filter((text) => text.trim() !== "")
      .map((text) => database.prepare(text)),
  );
  return worker;
}

test("the app runs on workerd over D1: upload, read, list, delete", async () => {
  const worker = await startWorker({ AUTH_JWT_SECRET: SECRET });
  const base = `${await worker.ready}api/v1`;
  const token = await new SignJWT({
    tenant_id: "acme",
    scope: "upload:read upload:write upload:delete",
  })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject("test")
    .setExpirationTime("5m")
    .sign(new TextEncoder().encode(SECRET));
  const call = (method: string, path: string, init: RequestInit = {}) =>
    fetch(base + path, { method, headers: { authorization: `Bearer ${token}` }, ...init });

  expect((await fetch(`${base}/upload`)).status).toBe(401);
  expect(await (await fetch(`${base}/health/ready`)).json()).toMatchObject({ status: "ready" });
  const form = new FormData();
  form.append("file", new File(["hello from workerd"], "hello.txt", { type: "text/plain" }));
  const created = await call("POST", "/upload", { body: form });
  expect(created.status).toBe(201);
  const { id } = (await created.json()) as { id: string };
  expect(await (await call("GET", `/upload/${id}/file`)).text()).toBe("hello from workerd");
  expect(await (await call("GET", "/upload")).json()).toMatchObject({ items: [{ id }] });
  expect((await call("DELETE", `/upload/${id}`)).status).toBe(204);
  expect((await call("GET", `/upload/${id}`)).status).toBe(404);
});

test("the Worker answers nothing without credentials to check callers by", async () => {
  const worker = await startWorker({});
  const answer = await fetch(`${await worker.ready}api/v1/health/live`);
  expect(answer.status).toBe(500);
  // What miniflare shows of an error that a Worker throws.
  expect(await answer.text()).toContain("there is no API key");
});
