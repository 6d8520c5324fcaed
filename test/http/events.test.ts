import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import type { EventStream } from "../../src/application/events/event-service.ts";
import { StowageError } from "../../src/domain/errors.ts";
import { streamEvents } from "../../src/http/responses/event-stream.ts";
import { defineProcessor } from "../../src/processor.ts";
import { ServerProcess } from "../support/server-process.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { type TestApp, testApp } from "../support/test-app.ts";
import { problemOf } from "./problem-of.ts";

const BROKEN = defineProcessor({
  name: "broken",
  version: "1",
  accepts: ["*/*"],
  process: async () => {
    throw new StowageError("document_encrypted", "Cannot read document:\nit is encrypted");
  },
});

function messages(body: string): Record<string, string>[] {
  return body
    .split("\n\n")
    .filter((block) => /^(id|event|data):/m.test(block))
    .map((block) =>
      Object.fromEntries(
        block.split("\n").map((line) => /^(\w+): (.*)$/s.exec(line)?.slice(1) ?? []),
      ),
    );
}

const eventsOf = (body: string) => messages(body).map(({ event }) => event);

async function queued(app: TestApp): Promise<string> {
  const { id } = await app.put("hello", "a.txt", "?auto_process=true");
  return `/api/v1/upload/${id}/events`;
}

/** Reads until `wanted` has come. */
async function readUntil(body: ReadableStream<Uint8Array>, wanted: string) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (!text.includes(wanted)) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`It ended with ${JSON.stringify(text)}`);
    text += decoder.decode(value, { stream: true });
  }
  return { text, reader };
}

test("GET /upload/{id}/events sends each change as a message, until the upload is settled", async () => {
  const app = await testApp({ processors: [BROKEN] });
  const path = await queued(app);
  const answer = await app.send("GET", path);
  expect(answer.status).toBe(200);
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    "content-type": "text/event-stream",
    "cache-control": "no-store, no-transform",
    "x-accel-buffering": "no",
    "x-content-type-options": "nosniff",
  });
  app.stowage.worker.start();
  const body = await answer.text();
  expect(body).toMatch(/^retry: \d+\n\n/);
  const at = new Date(app.clock.now()).toISOString();
  const upload_id = path.split("/").at(-2);
  const error = {
    code: "document_encrypted",
    detail: "Cannot read document:\nit is encrypted",
    retryable: false,
  };
  const expected = [
    { upload_id, status: "queued", attempts: 0, error: null, at },
    { upload_id, status: "processing", attempts: 1, error: null, at },
    { upload_id, status: "failed", attempts: 1, error, at },
  ];
  expect(messages(body)).toEqual(
    expected.map((data, index) => ({
      id: String(index + 2),
      event: data.status,
      data: JSON.stringify(data),
    })),
  );
});

test("GET /upload/{id}/events resumes after the last event, given in the header or the query", async () => {
  const app = await testApp();
  const path = await queued(app);
  app.stowage.worker.start();
  await (await app.send("GET", path)).text();
  const after = async (headers: Record<string, string>, query = "") =>
    eventsOf(await (await app.send("GET", path + query, { headers })).text());
  expect(await after({})).toEqual(["queued", "processing", "processed"]);
  expect(await after({ "Last-Event-ID": "2" })).toEqual(["processing", "processed"]);
  expect(await after({}, "?last_event_id=3")).toEqual(["processed"]);
  expect(await after({ "Last-Event-ID": "" })).toHaveLength(3);
  // The header is what EventSource adds when it comes back to the same address.
  expect(await after({ "Last-Event-ID": "3" }, "?last_event_id=2")).toEqual(["processed"]);
  const rest = await app.send("GET", path, { headers: { "Last-Event-ID": "4" } });
  expect([rest.status, await rest.text()]).toEqual([204, ""]);
});

test.each([
  "-1",
  "1e3",
  "x",
  "9".repeat(16),
])("GET /upload/{id}/events refuses %s as an id", async (id) => {
  const app = await testApp();
  const path = await queued(app);
  const wrong = { status: 422, code: "invalid_parameter" };
  const headers = { "Last-Event-ID": id };
  expect(await problemOf(await app.send("GET", path, { headers }))).toEqual(wrong);
  expect(await problemOf(await app.send("GET", `${path}?last_event_id=${id}`))).toEqual(wrong);
});

test("GET /upload/{id}/events reports a delete, and then the upload is missing", async () => {
  const app = await testApp();
  const path = await queued(app);
  const answer = await app.send("GET", path);
  await app.send("DELETE", path.replace("/events", ""));
  expect(eventsOf(await answer.text()).at(-1)).toBe("deleted");
  const missing = { status: 404, code: "upload_not_found" };
  expect(await problemOf(await app.send("GET", path))).toEqual(missing);
});

test("a tenant follows a hundred uploads at once, and closing a stream makes room", async () => {
  const app = await testApp();
  const path = await queued(app);
  // HEAD opens nothing that stays.
  for (let count = 0; count < 150; count += 1) await app.send("HEAD", path);
  const open = await Promise.all(Array.from({ length: 100 }, () => app.send("GET", path)));
  expect(open.map(({ status }) => status)).toEqual(Array(100).fill(200));
  const refused = await app.send("GET", path);
  expect(refused.headers.get("Retry-After")).toMatch(/^\d+$/);
  expect(await problemOf(refused)).toEqual({ status: 429, code: "too_many_streams" });
  const theirs = await app.send("PUT", "/api/v1/upload/b.txt?auto_process=true", {
    headers: { Authorization: "Bearer other" },
    body: "theirs",
  });
  const { id } = (await theirs.json()) as { id: string };
  const other = await app.send("GET", `/api/v1/upload/${id}/events`, {
    headers: { Authorization: "Bearer other" },
  });
  expect(other.status).toBe(200);
  await open[0]?.body?.cancel();
  expect((await app.send("GET", path)).status).toBe(200);
});

test("streamEvents() says something while nothing happens, and stops what feeds it", async () => {
  const waiting = Promise.withResolvers<IteratorResult<never>>();
  let stopped = false;
  const silent: EventStream = {
    stop() {
      stopped = true;
      waiting.resolve({ done: true, value: undefined });
    },
    [Symbol.asyncIterator]: () => ({ next: () => waiting.promise }),
  };
  const body = streamEvents(silent, 1);
  const { text, reader } = await readUntil(body, ":\n\n:\n\n:\n\n");
  expect(text).toBe("retry: 3000\n\n:\n\n:\n\n:\n\n");
  await reader.cancel();
  expect(stopped).toBe(true);
});

test("over the wire: a closed stream makes room, other processes are heard, and a stop does not wait", async () => {
  const folder = tempFolder();
  const database = join(folder, "stowage.db");
  const env = {
    FILE_STORAGE_PATH: join(folder, "uploads"),
    DATABASE_URL: `sqlite:${database}`,
    // Less than Node keeps a connection that has nothing to do.
    SHUTDOWN_GRACE_SECONDS: "3",
  };
  const server = await ServerProcess.start(env);
  const key = readFileSync(join(folder, "first-api-key"), "utf8").trim();
  const headers = { authorization: `Bearer ${key}` };
  const stored = await fetch(`${server.url}/api/v1/upload/a.txt`, {
    method: "PUT",
    headers,
    body: "hello",
  });
  const { id } = (await stored.json()) as { id: string };
  // A job of a storage that only another server knows.
  const db = new DatabaseSync(database);
  const own = db.prepare("SELECT storage_id FROM uploads").get()?.["storage_id"] ?? null;
  const setStorage = db.prepare("UPDATE uploads SET storage_id = ?");
  setStorage.run("elsewhere");
  const upload = `${server.url}/api/v1/upload/${id}`;
  await fetch(`${upload}/reprocess`, { method: "POST", headers });

  const follow = (signal?: AbortSignal) =>
    fetch(`${upload}/events`, { headers, ...(signal && { signal }) });
  const going = new AbortController();
  const many = await Promise.all(Array.from({ length: 100 }, () => follow(going.signal)));
  expect(new Set(many.map(({ status }) => status))).toEqual(new Set([200]));
  expect((await follow()).status).toBe(429);
  going.abort();
  await expect.poll(async () => (await follow()).status).toBe(200);

  // Another process does the job: here it is the test that writes what that one would.
  const heard = await follow();
  const { reader } = await readUntil(heard.body ?? expect.unreachable(), "event: queued");
  db.exec(`BEGIN; UPDATE uploads SET status = 'processing', revision = revision + 1, attempts = 1,
    lease_token = 't', lease_until = 9e15;
    INSERT INTO events (upload_id, tenant, type, revision, at, attempts)
    SELECT id, tenant, 'upload.processing', revision, 0, 1 FROM uploads; COMMIT`);
  reader.releaseLock();
  const next = await readUntil(heard.body ?? expect.unreachable(), "event: processing");
  setStorage.run(own);
  db.close();

  server.child.kill("SIGTERM");
  const last = await next.reader.read();
  expect(last.done).toBe(true);
  expect(await server.ended).toEqual({ code: 0, signal: null });
  expect(server.log.map(({ event }) => event)).not.toContain("server.grace_over");
});
