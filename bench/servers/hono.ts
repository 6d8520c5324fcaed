/** Bare Hono on Node: the same answers from routes that do nothing else. No keys, no records, no log. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { Server } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { listening } from "./listening.ts";

const folder = process.argv[2] ?? ".";
const app = new Hono();
app.get("/health/live", (c) => c.json({ status: "alive" }));

/** As an upload looks to callers. */
const item = (index: number) => ({
  id: `0199a1b2-0000-7000-8000-${String(index).padStart(12, "0")}`,
  tenant_id: "default",
  filename: `file-${index}.bin`,
  size: 1024,
  original_filename: `file-${index}.bin`,
  content_type: "application/octet-stream",
  sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  status: "stored",
  processing: { attempts: 0, error: null, started_at: null, finished_at: null },
  metadata: {},
  external_id: null,
  created_by: "bench",
  expires_at: null,
  created_at: "2026-11-24T08:00:00.000Z",
  updated_at: "2026-11-24T08:00:00.000Z",
});
const items = Array.from({ length: 200 }, (_, index) => item(index));
app.get("/list/:limit", (c) =>
  c.json({ items: items.slice(0, Number(c.req.param("limit"))), next_cursor: null }),
);

app.get("/file/:name", async (c) => {
  const path = join(folder, c.req.param("name"));
  const { size, mtime } = await stat(path);
  const headers = {
    ETag: `"${size}"`,
    "Last-Modified": mtime.toUTCString(),
    "Content-Type": "application/octet-stream",
    "Content-Length": String(size),
  };
  if (c.req.header("If-None-Match") === headers.ETag) return c.body(null, 304, headers);
  if (c.req.method === "HEAD") return c.body(null, 200, headers);
  return c.body(Readable.toWeb(createReadStream(path)) as ReadableStream, 200, headers);
});
listening(createAdaptorServer({ fetch: app.fetch }) as Server, Number(process.env["PORT"] ?? 0));
