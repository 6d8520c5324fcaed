import { execFileSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SignJWT } from "jose";
import { Miniflare } from "miniflare";
import { onTestFinished } from "vitest";
import { holdServer } from "../support/held-servers.ts";
import { tempFolder } from "../support/temp-folder.ts";

/** The Worker as `wrangler deploy` would send it, in workerd, over D1. */
export async function startWorker(vars: Record<string, string>): Promise<Miniflare> {
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
  for (const file of globSync("migrations/*.sql").sort()) {
    const statements = readFileSync(file, "utf8").split(/;\n(?:\n|$)/);
    const queries = statements.filter((text) => text.trim() !== "");
    await database.batch(queries.map((text) => database.prepare(text)));
  }
  return worker;
}

/** Calls the API of `worker` as the tenant `acme`, with a token signed by `secret`. */
export async function callerOf(worker: Miniflare, secret: string) {
  const base = `${await worker.ready}api/v1`;
  onTestFinished(holdServer((await worker.ready).origin));
  const token = await new SignJWT({
    tenant_id: "acme",
    scope: "upload:read upload:write upload:delete",
  })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject("test")
    .setExpirationTime("5m")
    .sign(new TextEncoder().encode(secret));
  return (method: string, path: string, init: RequestInit = {}) =>
    fetch(base + path, { method, headers: { authorization: `Bearer ${token}` }, ...init });
}
