import { expect, onTestFinished, test } from "vitest";
import { loadConfig } from "../../../src/config.ts";
import { NodeServer } from "../../../src/runtime/server/node-server.ts";
import { readAnswers } from "../../http/bad-input/answers.ts";
import { head, Wire } from "../../http/wire.ts";
import { type TestAppOptions, testApp } from "../../support/test-app.ts";

const CALLER = { Authorization: "Bearer acme" };
const LIVE = head("GET /health/live", {});

/** Node's server in this process. */
async function start(options: TestAppOptions = {}) {
  const app = await testApp(options);
  const config = loadConfig({ FILE_STORAGE_TYPE: "memory", PORT: "0" });
  const server = new NodeServer({ stowage: app.stowage, config, logger: app.logger });
  const url = await server.listen();
  onTestFinished(() => server.close(0));
  return { ...app, url };
}

/** A server whose files are served one by one, as `open` is called. */
async function startHeld() {
  const waiting: (() => void)[] = [];
  const asked: string[] = [];
  let onAsked = (): void => {};
  const app = await start({
    tamper: (driver) => ({
      async get(key, options) {
        if (key.startsWith("acme/")) {
          asked.push(key);
          onAsked();
          await new Promise<void>((resolve) => waiting.push(resolve));
        }
        return await driver.get(key, options);
      },
    }),
  });
  return {
    ...app,
    /** How many files were asked for so far. */
    asked,
    /** Wait until the next file is asked for, then let it go. */
    async open(): Promise<void> {
      while (waiting.length === 0) await new Promise<void>((resolve) => (onAsked = resolve));
      waiting.shift()?.();
    },
  };
}

function file(id: string): string {
  return head(`GET /api/v1/upload/${id}/file`, CALLER);
}

test("a connection handles one request at a time and answers in order", async () => {
  const app = await startHeld();
  const ids: string[] = [];
  for (const text of ["one", "two", "three"]) ids.push((await app.put(text)).id);
  const wire = await Wire.open(app.url);
  await wire.send(ids.map(file).join("") + LIVE);
  for (const [index] of ids.entries()) {
    // Another connection's request was answered meanwhile: theirs had every chance to begin.
    await fetch(`${app.url}/health/live`);
    expect(app.asked.length).toBeLessThanOrEqual(index + 1);
    await app.open();
    await wire.until(new RegExp(["one", "two", "three"][index] ?? ""));
  }
  await wire.until(/"alive"/);
  expect(wire.received).toMatch(/one[\s\S]*two[\s\S]*three[\s\S]*"alive"/);
  await wire.reset();
});

test("with too many pipelined requests the first are answered, then the connection is closed", async () => {
  const app = await startHeld();
  const { id } = await app.put("the file");
  const wire = await Wire.open(app.url);
  await wire.send(file(id) + LIVE.repeat(500));
  await app.open();
  await wire.closed;
  const answers = readAnswers(wire.received, false);
  expect(answers.length).toBe(33);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  const closing = answers.map((answer) => /^connection: close\r?$/im.test(answer.head));
  expect(closing).toEqual([...Array(32).fill(false), true]);
});

test("a client that reads its responses may keep pipelining", async () => {
  const { url } = await start();
  const wire = await Wire.open(url);
  for (let round = 0; round < 20; round += 1) {
    wire.received = "";
    await wire.send(LIVE.repeat(19) + head("GET /docs-of-the-end", {}));
    await wire.until(/route_not_found/);
    expect(readAnswers(wire.received).length).toBe(20);
  }
  await wire.reset();
});

test("a body is read while the next request waits, which is answered after it", async () => {
  const { url } = await start();
  const wire = await Wire.open(url);
  const content = "x".repeat(300_000);
  const put = head("PUT /api/v1/upload/a.txt", { ...CALLER, "Content-Length": content.length });
  await wire.send(put + content + put + content + LIVE);
  await wire.until(/"alive"/);
  const answers = readAnswers(wire.received, false);
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 200]);
  await wire.reset();
});

test("a refused upload does not affect the request after it", async () => {
  const { url, kept } = await start();
  const wire = await Wire.open(url);
  const digest = { "Repr-Digest": `sha-256=:${Buffer.alloc(32).toString("base64")}:` };
  const headers = { ...CALLER, ...digest, "Content-Length": 5 };
  await wire.send(head("PUT /api/v1/upload/a.txt", headers), "hello", LIVE);
  await wire.until(/"alive"/);
  expect(readAnswers(wire.received, false).map(({ status }) => status)).toEqual([422, 200]);
  expect(await kept()).toEqual({ files: 0, records: 0 });
  await wire.reset();
});

test("an upload that is cut ends the request after it too, and leaves nothing", async () => {
  const { url, kept } = await start();
  const wire = await Wire.open(url);
  const put = head("PUT /api/v1/upload/a.txt", { ...CALLER, "Content-Length": 500 });
  await wire.send(LIVE + put + LIVE);
  await wire.until(/"alive"/);
  await wire.reset();
  await expect.poll(kept).toEqual({ files: 0, records: 0 });
  expect(wire.received.match(/"alive"/g)).toHaveLength(1);
});

test.each([
  ["what is not HTTP", "nonsense\r\n\r\n", 400],
  ["a tunnel", "CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n\r\n", 405],
  [
    "an upload with bad chunks",
    `${head("PUT /api/v1/upload/a.txt", { ...CALLER, "Transfer-Encoding": "chunked" })}zz\r\n`,
    400,
  ],
])("%s is refused once the requests before it are answered", async (_, bytes, status) => {
  const app = await startHeld();
  const { id } = await app.put("the file");
  const wire = await Wire.open(app.url);
  await wire.send(file(id) + LIVE + bytes);
  await fetch(`${app.url}/health/live`);
  expect(wire.received).toBe("");
  await app.open();
  await wire.closed;
  const answers = readAnswers(wire.received, false);
  expect(answers.map((answer) => answer.status)).toEqual([200, 200, status]);
});

test("HTTP/1.0 needs no Host, and gets no interim response", async () => {
  const { url } = await start();
  const check = await Wire.open(url);
  await check.send("GET /health/ready HTTP/1.0\r\n\r\n");
  await check.closed;
  expect(check.received).toMatch(/^HTTP\/1\.1 200 [\s\S]*"ready"/);
  const put = await Wire.open(url);
  await put.send(
    "PUT /api/v1/upload/a.txt HTTP/1.0\r\nAuthorization: Bearer acme\r\n",
    "Content-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
  );
  await put.closed;
  expect(put.received).toMatch(/^HTTP\/1\.1 201 /);
});
