import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { loadConfig } from "../../../src/config.ts";
import { nodePeerAddress } from "../../../src/runtime/server/incoming.ts";
import { type ConnectionTimes, NodeServer } from "../../../src/runtime/server/node-server.ts";
import { head, Wire } from "../../http/wire.ts";
import { ServerProcess } from "../../support/server-process.ts";
import { fastFolder } from "../../support/temp-folder.ts";
import { type TestAppOptions, testApp } from "../../support/test-app.ts";

/** Node's server in this process. */
async function start(
  env: Record<string, string> = {},
  options: TestAppOptions = {},
  times?: ConnectionTimes,
) {
  const app = await testApp({ env, peerAddress: nodePeerAddress, ...options });
  const config = loadConfig({ FILE_STORAGE_TYPE: "memory", PORT: "0", ...env });
  const server = new NodeServer({ stowage: app.stowage, config, logger: app.logger, times });
  const url = await server.listen();
  onTestFinished(() => server.close(0));
  return { ...app, url };
}

test.each([
  ["what is not HTTP", "nonsense\r\n\r\n"],
  ["a wrong Host", head("GET /health/live", { Host: "a b@c", Connection: "close" })],
  ["headers without an end", head("GET /health/live", { "X-Long": "x".repeat(100_000) })],
])("NodeServer lets pages read why it refuses %s, if pages may call", async (_, bytes) => {
  for (const origins of ["", "https://app.example"]) {
    const { url } = await start({ CORS_ORIGINS: origins });
    const wire = await Wire.open(url);
    await wire.send(bytes);
    await wire.closed;
    expect(wire.received).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(/^access-control-allow-origin: \*\r$/im.test(wire.received)).toBe(origins !== "");
  }
});

const REFUSED: readonly (readonly [string, string, number])[] = [
  ["without a Host", "GET /health/live HTTP/1.1\r\n", 400],
  ["with a wrong Host", "GET /health/live HTTP/1.1\r\nHost: a b@c\r\n", 400],
  ["with a Host that is not an address", "GET /docs HTTP/1.1\r\nHost: 9999999999\r\n", 400],
  ["with two Hosts", "GET /health/live HTTP/1.1\r\nHost: a\r\nHost: b\r\n", 400],
  ["with a wrong target", "GET http://[/ HTTP/1.1\r\nHost: a\r\n", 400],
  ["that expects the unknown", "GET /health/live HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n", 417],
  ["for a tunnel", "CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n", 405],
];

test.each(
  REFUSED,
)("NodeServer notes a request %s under the id that is answered", async (_, bytes, status) => {
  const { url, log } = await start();
  const ids: string[] = [];
  for (const theirs of ["trace-7", "stw_secret", null]) {
    const wire = await Wire.open(url);
    const header = theirs === null ? "" : `X-Request-Id: ${theirs}\r\n`;
    await wire.send(`${bytes}${header}Connection: close\r\n\r\n`);
    await wire.closed;
    expect(wire.received).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    const [, id = ""] = /^x-request-id: (\S+)\r$/im.exec(wire.received) ?? [];
    expect(wire.received).toContain(`"request_id":"${id}"`);
    ids.push(id);
  }
  expect(ids[0]).toBe("trace-7");
  const noted = log.filter(({ event }) => event === "request.refused");
  expect(noted.map(({ fields }) => fields["requestId"])).toEqual(ids);
  expect(noted.map(({ fields }) => fields["status"])).toEqual([status, status, status]);
  expect(JSON.stringify(log)).not.toContain("stw_secret");
});

test("NodeServer logs what is not HTTP, without its content", async () => {
  const { url, log } = await start();
  const wire = await Wire.open(url);
  await wire.send("secret nonsense\r\n\r\n");
  await wire.closed;
  const [line] = log.filter(({ event }) => event === "request.refused");
  expect(line?.fields).toMatchObject({ status: 400, code: "invalid_request" });
  expect(wire.received).toContain(`"request_id":"${line?.fields["requestId"]}"`);
  expect(JSON.stringify(log)).not.toContain("nonsense");
});

test("NodeServer refuses a caller above the rate limit without reading its body, and keeps the connection", async () => {
  const { url, kept } = await start({ RATE_LIMIT_PER_ADDRESS: "1" });
  const Authorization = "Bearer acme";
  const wire = await Wire.open(url);
  await wire.send(head("GET /api/v1/upload", { Authorization }));
  await wire.until(/"next_cursor"/);
  // It waits to be asked for its body, and is not.
  const expecting = { Authorization, "Content-Length": 5, Expect: "100-continue" };
  await wire.send(head("PUT /api/v1/upload/a.txt", expecting));
  await wire.until(/"rate_limited"/);
  expect(wire.received).not.toContain("100 Continue");
  // It does not wait.
  wire.received = "";
  const other = await Wire.open(url);
  const body = head("PUT /api/v1/upload/a.txt", { Authorization, "Content-Length": 5 });
  await other.send(body, "hello", head("GET /health/live", { Connection: "close" }));
  await other.closed;
  expect(other.received).toMatch(
    /^HTTP\/1\.1 429 [\s\S]*"rate_limited"[\s\S]*HTTP\/1\.1 200 [\s\S]*alive/,
  );
  await wire.reset();
  expect(await kept()).toEqual({ files: 0, records: 0 });
});

/** Limits that pass at once: what is waited for is the server's own doing. */
const AT_ONCE: ConnectionTimes = { headersMs: 50, idleMs: 50, checkMs: 20 };

test.each([
  ["a request line without an end", "GET /health/li"],
  ["headers without an end", "GET /health/live HTTP/1.1\r\nHost: a\r\nX-Slow: "],
  ["nothing at all", ""],
])("NodeServer closes connections that send %s", async (_, bytes) => {
  const { url } = await start({}, {}, AT_ONCE);
  const wires = await Promise.all(Array.from({ length: 50 }, () => Wire.open(url)));
  await Promise.all(wires.map((wire) => wire.send(bytes)));
  await Promise.all(wires.map(({ closed }) => closed));
  for (const { received } of wires) {
    expect(received).toMatch(/^(|HTTP\/1\.1 408 [\s\S]*"code":"request_timeout"[\s\S]*)$/);
  }
});

test("NodeServer closes an idle connection", async () => {
  const { url } = await start({}, {}, AT_ONCE);
  const wire = await Wire.open(url);
  await wire.send(head("GET /health/live", {}));
  await wire.until(/alive/);
  await wire.closed;
  expect(wire.received).toMatch(/^connection: keep-alive\r$/im);
});

test("NodeServer cuts a slow reader, frees the file, and serves others meanwhile", async () => {
  let released = false;
  const { url, put, log } = await start(
    { MAX_UPLOAD_BYTES: "100MB" },
    {
      tamper: (driver) => ({
        async get(key, options) {
          const read = await driver.get(key, options);
          if (!key.startsWith("acme/")) return read;
          const stream = new ReadableStream<Uint8Array>({
            pull: (controller) => controller.enqueue(new Uint8Array(2 ** 20)),
            cancel: () => {
              released = true;
            },
          });
          return { ...read, stream };
        },
      }),
    },
  );
  // More than fits between the two of them.
  const { id } = await put("x".repeat(2 ** 25));
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  const wire = await Wire.open(url);
  wire.socket.pause();
  await wire.send(head(`GET /api/v1/upload/${id}/file`, { Authorization: "Bearer acme" }));
  const others: number[] = [];
  while (!log.some(({ event }) => event === "response.too_slow")) {
    others.push((await fetch(`${url}/health/live`)).status);
    await vi.advanceTimersByTimeAsync(10_000);
  }
  expect(new Set(others)).toEqual(new Set([200]));
  expect(released).toBe(true);
  wire.socket.resume();
  await wire.closed;
});

test("NodeServer does not cut event streams, however little they send", async () => {
  const { url, put } = await start();
  const { id } = await put("text", "a.txt", "?auto_process=true");
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  const wire = await Wire.open(url);
  // No one processes it: the stream goes on.
  await wire.send(head(`GET /api/v1/upload/${id}/events`, { Authorization: "Bearer acme" }));
  await wire.until(/data: /);
  await vi.advanceTimersByTimeAsync(600_000);
  expect((await fetch(`${url}/health/live`)).status).toBe(200);
  expect([wire.socket.closed, wire.socket.readableEnded]).toEqual([false, false]);
  await wire.reset();
});

test("NodeServer opens no file for uploads without a byte", async () => {
  const folder = fastFolder();
  const uploads = join(folder, "uploads");
  const server = await ServerProcess.start({
    FILE_STORAGE_PATH: uploads,
    DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
  });
  const key = readFileSync(join(folder, "first-api-key"), "utf8").trim();
  const headers = { Authorization: `Bearer ${key}` };
  const filesOpen = () =>
    readdirSync(`/proc/${server.child.pid}/fd`)
      .flatMap((fd) => {
        try {
          return [readlinkSync(`/proc/${server.child.pid}/fd/${fd}`)];
        } catch {
          return [];
        }
      })
      .filter((target) => target.startsWith(uploads));
  const wires = await Promise.all(Array.from({ length: 50 }, () => Wire.open(server.url)));
  const put = head("PUT /api/v1/upload/slow.txt", { ...headers, "Content-Length": 10 });
  await Promise.all(wires.map((wire) => wire.send(put)));
  const under = async () => {
    const answer = await fetch(`${server.url}/api/v1/upload?status=uploading&limit=200`, {
      headers,
    });
    return ((await answer.json()) as { items: unknown[] }).items.length;
  };
  await vi.waitFor(async () => expect(await under()).toBe(50), { timeout: 20_000, interval: 20 });
  expect(filesOpen()).toEqual([]);
  expect(readdirSync(join(uploads, ".stowage", "tmp"))).toEqual([]);
  // Of one the bytes come, and it is served at once.
  await wires[0]?.send("0123456789");
  expect(await wires[0]?.until(/"request_id"|"sha256"/)).toMatch(/^HTTP\/1\.1 201 /);
  await Promise.all(wires.map((wire) => wire.reset()));
});

test("NodeServer.close() does not wait for connections without a request", async () => {
  const app = await testApp();
  const config = loadConfig({ FILE_STORAGE_TYPE: "memory", PORT: "0" });
  const server = new NodeServer({ stowage: app.stowage, config, logger: app.logger });
  const url = await server.listen();
  const unused = await Wire.open(url);
  const used = await Wire.open(url);
  await used.send(head("GET /health/live", {}));
  await used.until(/alive/);
  await server.close(60_000);
  await Promise.all([unused.closed, used.closed]);
  expect(app.log.map(({ event }) => event)).not.toContain("server.grace_over");
});
