import { expect, test } from "vitest";
import { StowageError } from "../../src/domain/errors.ts";
import { defineProcessor } from "../../src/processor.ts";
import { ECHO, type TestApp, testApp } from "../support/test-app.ts";
import { problemOf } from "./problem-of.ts";

/** Its text has its name and how often it has run. */
function narrator(name: string) {
  let run = 0;
  return defineProcessor({
    name,
    version: "1",
    accepts: ["text/plain"],
    process: async () => ({ output: {}, text: `${name} ${++run}` }),
  });
}

const MUTE = defineProcessor({
  name: "mute",
  version: "1",
  accepts: ["text/plain"],
  process: async () => ({ output: {} }),
});

async function settle(app: TestApp, id: string): Promise<void> {
  app.stowage.worker.start();
  const status = async () =>
    ((await (await app.send("GET", `/api/v1/upload/${id}`)).json()) as { status: string }).status;
  await expect.poll(status).toMatch(/processed|failed/);
  await app.stowage.worker.stop();
}

async function processed(app: TestApp, text: string, filename = "a.txt"): Promise<string> {
  const { id } = await app.put(text, filename, "?auto_process=true");
  await settle(app, id);
  return `/api/v1/upload/${id}/text`;
}

const LONG = "Zeile mit Umlauten: äöü, €, 😀\n".repeat(5_000);

test("GET /upload/{id}/text serves the text that was found, as nothing but text", async () => {
  const app = await testApp();
  const path = await processed(app, LONG, "größe.txt");
  for (const at of [path, `${path}/`, `${path}?processor=echo`]) {
    const answer = await app.send("GET", at);
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "content-type": "text/plain; charset=utf-8",
      "content-length": String(Buffer.byteLength(LONG)),
      "content-disposition": expect.stringContaining("inline; "),
      "x-content-type-options": "nosniff",
      "cache-control": "private, no-cache",
      "accept-ranges": "bytes",
    });
    expect(await answer.text()).toBe(LONG);
  }
});

test("HEAD /upload/{id}/text answers as GET does, and opens nothing", async () => {
  let opened = 0;
  const app = await testApp({
    tamper: (driver) => ({
      get: (key, options) => {
        if (key.startsWith(".stowage/derived/")) opened += 1;
        return driver.get(key, options);
      },
    }),
  });
  const path = await processed(app, "hello");
  const head = await app.send("HEAD", path);
  expect(await head.text()).toBe("");
  expect(opened).toBe(0);
  const headersOf = ({ headers }: Response) =>
    [...headers].filter(([name]) => name !== "x-request-id");
  expect(headersOf(head)).toEqual(headersOf(await app.send("GET", path)));
});

test("GET /upload/{id}/text knows conditions and ranges", async () => {
  const app = await testApp();
  const path = await processed(app, "0123456789");
  const etag = (await app.send("HEAD", path)).headers.get("ETag") ?? "";
  expect(etag).toMatch(/^"[a-z0-9-]+"$/);
  const ask = (headers: Record<string, string>) => app.send("GET", path, { headers });
  const known = await ask({ "If-None-Match": etag });
  expect([known.status, known.headers.get("ETag"), await known.text()]).toEqual([304, etag, ""]);
  expect((await ask({ "If-Match": '"other"' })).status).toBe(412);
  const part = await ask({ Range: "bytes=2-4", "If-Range": etag });
  expect(part.status).toBe(206);
  expect(part.headers.get("Content-Range")).toBe("bytes 2-4/10");
  expect(await part.text()).toBe("234");
  const beyond = await ask({ Range: "bytes=10-" });
  expect(beyond.headers.get("Content-Range")).toBe("bytes */10");
  expect(await problemOf(beyond)).toEqual({ status: 416, code: "range_not_satisfiable" });
});

test("GET /upload/{id}/text serves the text of the run before until the next is done", async () => {
  const app = await testApp({ processors: [narrator("text")] });
  const path = await processed(app, "hello");
  const first = await app.send("GET", path);
  expect(await first.text()).toBe("text 1");
  await app.send("POST", path.replace("/text", "/reprocess"));
  const meanwhile = await app.send("GET", path);
  expect(await meanwhile.text()).toBe("text 1");
  expect(meanwhile.headers.get("ETag")).toBe(first.headers.get("ETag"));
  await settle(app, path.split("/").at(-2) ?? "");
  const second = await app.send("GET", path);
  expect(await second.text()).toBe("text 2");
  expect(second.headers.get("ETag")).not.toBe(first.headers.get("ETag"));
});

test("GET /upload/{id}/text serves the named processor's, else that of `text`, else the first", async () => {
  const app = await testApp({ processors: [MUTE, narrator("zebra"), narrator("another")] });
  const path = await processed(app, "hello");
  const text = async (query: string) => (await app.send("GET", path + query)).text();
  expect(await text("")).toBe("another 1");
  expect(await text("?processor=zebra")).toBe("zebra 1");
  const withText = await testApp({ processors: [narrator("another"), narrator("text")] });
  const other = await processed(withText, "hello");
  expect(await (await withText.send("GET", other)).text()).toBe("text 1");
});

test("GET /upload/{id}/text distinguishes a pending text, a missing one, and a wrong name", async () => {
  const app = await testApp({ processors: [MUTE, ECHO] });
  const problem = async (path: string) => problemOf(await app.send("GET", path));
  const stored = await app.put("hello");
  const textOf = (id: string) => `/api/v1/upload/${id}/text`;
  const none = { status: 404, code: "text_not_found" };
  expect(await problem(textOf(stored.id))).toEqual(none);
  const queued = await app.put("hello", "a.txt", "?auto_process=true");
  expect(await problem(textOf(queued.id))).toEqual({ status: 409, code: "text_not_ready" });
  await settle(app, queued.id);
  expect(await problem(`${textOf(queued.id)}?processor=mute`)).toEqual(none);
  expect(await problem(`${textOf(queued.id)}?processor=nobody`)).toEqual(none);
  const wrong = { status: 422, code: "invalid_parameter" };
  expect(await problem(`${textOf(queued.id)}?processor=../x`)).toEqual(wrong);
  await app.send("DELETE", `/api/v1/upload/${queued.id}`);
  const gone = { status: 404, code: "upload_not_found" };
  expect(await problem(textOf(queued.id))).toEqual(gone);
});

test("GET /upload/{id}/text answers 404 for an upload that is deleted while its text is opened", async () => {
  let deleteIt = async (): Promise<void> => {};
  const app = await testApp({
    tamper: (driver) => ({
      async get(key, options) {
        if (key.startsWith(".stowage/derived/")) await deleteIt();
        return await driver.get(key, options);
      },
    }),
  });
  const path = await processed(app, "some text");
  deleteIt = async () => {
    deleteIt = async () => {};
    await app.send("DELETE", path.replace(/\/text$/, ""));
  };
  const problem = await problemOf(await app.send("GET", path));
  expect(problem).toEqual({ status: 404, code: "upload_not_found" });
});

test("GET /upload/{id}/text finds the text that a run has put in the place of the one it saw", async () => {
  let replace = async () => {};
  const app = await testApp({
    processors: [narrator("text")],
    tamper: (driver) => ({
      head: async (key, options) => {
        if (key.startsWith(".stowage/derived/")) await replace();
        return await driver.head(key, options);
      },
    }),
  });
  const path = await processed(app, "hello");
  replace = async () => {
    replace = async () => {};
    await app.send("POST", path.replace("/text", "/reprocess"));
    await settle(app, path.split("/").at(-2) ?? "");
  };
  expect(await (await app.send("GET", path)).text()).toBe("text 2");
});

test.each([
  ["object_not_found", 503, "object_changed"],
  ["storage_unavailable", 503, "storage_unavailable"],
] as const)("GET /upload/{id}/text makes a problem of %s, not a broken answer", async (thrown, status, code) => {
  const app = await testApp({
    tamper: (driver) => ({
      get: async (key, options) => {
        if (!key.startsWith(".stowage/derived/")) return await driver.get(key, options);
        throw new StowageError(thrown, "Cannot get /srv/secret");
      },
    }),
  });
  const path = await processed(app, "hello");
  expect(await problemOf(await app.send("GET", path))).toEqual({ status, code });
});
