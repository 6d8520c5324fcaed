import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { createClient } from "../../src/client.ts";
import { application, freePort, run, SESSION } from "./application.ts";
import type { Block } from "./blocks.ts";

/**
 * Run an application of the page as it is written, but for its port, and use what it serves.
 *
 * @param stranger How it answers a request without a user.
 * @returns Where it listens, and its process.
 */
export async function serveBlock(
  { name, text }: Block,
  libraries: readonly string[],
  stranger: number,
) {
  const port = await freePort();
  expect(text).toContain("3000");
  const files = { [name]: text.replace("3000", String(port)), "session.mjs": SESSION };
  const folder = application(files, ...libraries);
  const url = `http://127.0.0.1:${port}`;
  const { child, ended } = await run(folder, name, url);

  const [ann, bob] = ["ann", "bob"].map((user) =>
    createClient({ baseUrl: `${url}/files`, headers: { "x-user": user } }),
  );
  async function* large() {
    for (let sent = 0; sent < 64; sent += 1) yield new Uint8Array(65_536);
  }
  const upload = await ann?.upload(large(), { filename: "zeros.bin" });
  expect(upload).toMatchObject({ size: 4_194_304, tenant_id: "ann" });
  const file = await ann?.download(upload?.id ?? "");
  expect((await file?.bytes())?.byteLength).toBe(4_194_304);
  expect((await bob?.listPage())?.items).toEqual([]);
  const put = await fetch(`${url}/files/api/v1/upload/a.json`, {
    method: "PUT",
    body: "{}",
    headers: { "x-user": "ann", "content-type": "application/json" },
  });
  expect(put.headers.get("location")).toMatch(/^\/files\/api\/v1\/upload\//);
  expect((await fetch(`${url}/files/api/v1/upload`)).status).toBe(stranger);
  expect(readdirSync(join(folder, "uploads", "ann")).length).toBe(2);
  return { url, child, ended };
}
