import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ServerProcess } from "../support/server-process.ts";
import { tempFolder } from "../support/temp-folder.ts";

interface Upload {
  readonly id: string;
  readonly status: string;
  readonly processing: { readonly error: { code: string; retryable: boolean } | null };
}

test("documents that cannot be read end as failed with their reason, and stay downloadable", async () => {
  const folder = tempFolder();
  const server = await ServerProcess.start({
    FILE_STORAGE_PATH: join(folder, "uploads"),
    DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
  });
  const key = readFileSync(join(folder, "first-api-key"), "utf8").trim();
  const call = (method: string, path: string, body?: Uint8Array) =>
    fetch(`${server.url}/api/v1/upload${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, "content-type": "text/plain" },
      body: body === undefined ? null : Buffer.from(body),
    });
  const cases: [string, Uint8Array, string][] = [
    ["encrypted.pdf", readFileSync("test/fixtures/encrypted.pdf"), "document_encrypted"],
    ["truncated.pdf", readFileSync("test/fixtures/truncated.pdf"), "document_truncated"],
    ["images.pdf", readFileSync("test/fixtures/images-only.pdf"), "document_has_no_text"],
    ["empty.txt", new Uint8Array(0), "document_empty"],
  ];
  for (const [name, bytes, code] of cases) {
    const created = (await (
      await call("PUT", `/${name}?auto_process=true`, bytes)
    ).json()) as Upload;
    const get = async () => (await (await call("GET", `/${created.id}`)).json()) as Upload;
    await expect
      .poll(get, { timeout: 20_000 })
      .toMatchObject({ status: "failed", processing: { error: { code, retryable: false } } });
    const file = await (await call("GET", `/${created.id}/file`)).bytes();
    expect(Buffer.from(file).equals(bytes)).toBe(true);
  }
  expect((await fetch(`${server.url}/health/ready`)).status).toBe(200);
});
