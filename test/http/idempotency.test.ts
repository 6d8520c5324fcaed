import { expect, test } from "vitest";
import { fieldPart, filePart, form, type TestApp, testApp } from "../support/test-app.ts";
import { problemOf } from "./problem-of.ts";

const UPLOAD = "/api/v1/upload";
const DAY_MS = 24 * 60 * 60 * 1000;

function put(app: TestApp, key: string, body = "hello", path = "/a.txt", tenant = "acme") {
  const headers = { "Idempotency-Key": key, Authorization: `Bearer ${tenant}` };
  return app.send("PUT", UPLOAD + path, { body, headers });
}

function post(app: TestApp, key: string, ...parts: Parameters<typeof form>[0]) {
  const { body, headers } = form([filePart("hello"), ...parts]);
  return app.send("POST", UPLOAD, { body, headers: { ...headers, "Idempotency-Key": key } });
}

async function idOf(answer: Response, replayed: boolean): Promise<string> {
  expect(answer.status).toBe(201);
  expect(answer.headers.get("Idempotency-Replayed")).toBe(replayed ? "true" : null);
  const { id } = (await answer.json()) as { id: string };
  expect(answer.headers.get("Location")).toBe(`${UPLOAD}/${id}`);
  return id;
}

test("a repeat is answered with the first upload, as it is now", async () => {
  const app = await testApp();
  const first = await idOf(await put(app, "k1"), false);
  expect(await idOf(await put(app, "k1"), true)).toBe(first);
  expect(await idOf(await put(app, '"k1"'), true)).toBe(first);
  await app.send("POST", `${UPLOAD}/${first}/reprocess`);
  const again = await put(app, "k1");
  expect(await again.json()).toMatchObject({ id: first, status: "queued" });
  const other = await idOf(await post(app, "k2"), false);
  expect(await idOf(await post(app, "k2"), true)).toBe(other);
  expect(await app.kept()).toEqual({ files: 2, records: 2 });
});

test("another request under the same key is refused, whatever makes it another", async () => {
  const app = await testApp();
  await idOf(await put(app, "k"), false);
  const others = [
    await put(app, "k", "other"),
    await put(app, "k", "hello and more"),
    await put(app, "k", "hell"),
    await put(app, "k", ""),
    await put(app, "k", "hello", "/b.txt"),
    await put(app, "k", "hello", "/a.txt?auto_process=true"),
    await put(app, "k", "hello", "/a.txt?expires_at=2027-01-01T00:00:00Z"),
    await post(app, "k"),
  ];
  for (const answer of others) {
    const problem = await problemOf(answer);
    expect(problem).toMatchObject({ status: 422, code: "idempotency_key_reused" });
  }
  await idOf(await post(app, "f", fieldPart("metadata", '{"a":1}')), false);
  await idOf(await post(app, "f", fieldPart("metadata", '{"a":1}')), true);
  const changed = await problemOf(await post(app, "f", fieldPart("metadata", '{"a":2}')));
  expect(changed.code).toBe("idempotency_key_reused");
  expect(await app.kept()).toEqual({ files: 2, records: 2 });
});

test("keys are a tenant's own", async () => {
  const app = await testApp();
  const mine = await idOf(await put(app, "k"), false);
  expect(await idOf(await put(app, "k", "hello", "/a.txt", "other"), false)).not.toBe(mine);
});

test("a request that failed leaves its key free", async () => {
  const app = await testApp({ env: { MAX_UPLOAD_BYTES: "10" } });
  const chunked = new Blob(["more than ten bytes"]).stream();
  const headers = { "Idempotency-Key": "k" };
  const failed = await app.send("PUT", `${UPLOAD}/a.txt`, { body: chunked, headers });
  expect(failed.status).toBe(413);
  await idOf(await put(app, "k"), false);
});

test("a repeat after the upload was deleted uploads nothing", async () => {
  const app = await testApp();
  const id = await idOf(await put(app, "k"), false);
  await app.send("DELETE", `${UPLOAD}/${id}`);
  const answer = await put(app, "k");
  expect(await answer.clone().text()).toContain("deleted");
  expect(await problemOf(answer)).toMatchObject({ status: 404, code: "upload_not_found" });
  expect(await app.kept()).toEqual({ files: 0, records: 0 });
});

test("a key is forgotten after a day", async () => {
  const app = await testApp();
  const first = await idOf(await put(app, "k"), false);
  app.clock.advance(DAY_MS - 1000);
  expect(await idOf(await put(app, "k"), true)).toBe(first);
  app.clock.advance(2000);
  expect(await idOf(await put(app, "k"), false)).not.toBe(first);
});

test("a retry while the first request is in progress gets 409 with Retry-After", async () => {
  const app = await testApp();
  const gate = new TransformStream<Uint8Array, Uint8Array>();
  const writer = gate.writable.getWriter();
  const headers = { "Idempotency-Key": "k", "Content-Type": "text/plain;charset=UTF-8" };
  const first = app.send("PUT", `${UPLOAD}/a.txt`, { body: gate.readable, headers });
  await writer.write(new TextEncoder().encode("hel"));
  await expect.poll(() => app.rows()).toBe(1);
  const meanwhile = await put(app, "k");
  // As long as the lease: a server that has died would not renew it.
  expect(meanwhile.headers.get("Retry-After")).toBe("60");
  app.clock.advance(49_500);
  expect((await put(app, "k")).headers.get("Retry-After")).toBe("11");
  expect(await problemOf(meanwhile)).toMatchObject({ status: 409, code: "idempotency_key_in_use" });
  await writer.write(new TextEncoder().encode("lo"));
  await writer.close();
  const id = await idOf(await first, false);
  expect(await idOf(await put(app, "k"), true)).toBe(id);
});

test("a repeat after the first server's death makes the upload as soon as its lease has ended", async () => {
  const app = await testApp();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const headers = { "Idempotency-Key": "k", "Content-Type": "text/plain;charset=UTF-8" };
  const stuck = app.send("PUT", `${UPLOAD}/a.txt`, { body: readable, headers });
  await writer.write(new TextEncoder().encode("hel"));
  await expect.poll(() => app.rows()).toBe(1);
  app.clock.advance(60_000);
  const id = await idOf(await put(app, "k"), false);
  // It was not dead, and wakes up: one of the two is kept.
  await writer.write(new TextEncoder().encode("lo"));
  await writer.close();
  expect(await problemOf(await stuck)).toMatchObject({ status: 503, code: "reservation_lost" });
  expect(await idOf(await put(app, "k"), true)).toBe(id);
  app.clock.advance(1);
  await app.stowage.reconciler.run();
  expect(await app.kept()).toEqual({ files: 1, records: 1 });
});

test.each([
  "",
  " ",
  '"',
  '""',
  '"a"b"',
  "a b",
  "é",
  "x".repeat(256),
  '"a',
  "a, b",
])("a key like %j is refused", async (key) => {
  const app = await testApp();
  let answer: Response;
  try {
    answer = await put(app, key);
  } catch {
    // What the client itself does not send.
    return;
  }
  expect(await problemOf(answer)).toMatchObject({ status: 400, code: "invalid_idempotency_key" });
  expect(await app.rows()).toBe(0);
});

test.each([
  "x",
  "x".repeat(255),
  '"with spaces, and \\"quotes\\""',
  "!#$%&'*+-.^_`|~",
])("a key like %j is taken", async (key) => {
  const app = await testApp();
  const first = await idOf(await put(app, key), false);
  expect(await idOf(await put(app, key), true)).toBe(first);
});

test("a repeat may say a digest, and is held to it", async () => {
  const app = await testApp();
  const digest = "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:";
  const send = (body: string, say = digest) =>
    app.send("PUT", `${UPLOAD}/a.txt`, {
      body,
      headers: { "Idempotency-Key": "k", "Repr-Digest": say },
    });
  const first = await idOf(await send("hello"), false);
  expect(await idOf(await send("hello"), true)).toBe(first);
  const lie = await send("hello", digest.replace("LPJ", "LPK"));
  expect(await problemOf(lie)).toMatchObject({ code: "digest_mismatch" });
});

test.each([
  ["a filename", "PUT", "/b.txt", { "Content-Length": "5" }],
  ["a shorter length", "PUT", "/a.txt", { "Content-Length": "4" }],
  ["a greater length", "PUT", "/a.txt", { "Content-Length": "6" }],
])("a repeat with another request's %s is refused before its body is read", async (_, method, path, said) => {
  let pulls = 0;
  const app = await testApp({
    requestBody: () => ({
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          pulls += 1;
          return pulls === 1
            ? { done: false, value: new TextEncoder().encode("hello") }
            : { done: true, value: undefined };
        },
      }),
    }),
  });
  const send = (to: string, headers: Record<string, string>) =>
    app.send(method, UPLOAD + to, { headers: { "Idempotency-Key": "k", ...headers } });
  await idOf(await send("/a.txt", { "Content-Length": "5" }), false);
  const before = pulls;
  const answer = await send(path, said);
  expect(await problemOf(answer)).toMatchObject({ code: "idempotency_key_reused" });
  expect(pulls).toBe(before);
});

test.each([
  ["the same request", () => "hello"],
  ["different ones", (i: number) => `hello ${i}`],
])("50 at once under one key, %s, make one upload", async (what, body) => {
  const app = await testApp();
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => put(app, "k", body(i))));
  const made = answers.filter(({ status }) => status === 201);
  const ids = await Promise.all(
    made.map(async (answer) => ((await answer.json()) as { id: string }).id),
  );
  expect(new Set(ids).size).toBe(1);
  expect(made.filter(({ headers }) => !headers.has("Idempotency-Replayed"))).toHaveLength(1);
  if (what !== "the same request") expect(made).toHaveLength(1);
  for (const answer of answers) {
    if (answer.status !== 201)
      expect((await problemOf(answer)).code).toMatch(/^idempotency_key_(in_use|reused)$/);
  }
  expect(await app.kept()).toEqual({ files: 1, records: 1 });
});
