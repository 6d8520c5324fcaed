import { execFile } from "node:child_process";
import { createHash, randomBytes, randomInt } from "node:crypto";
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { loadConfig } from "../../src/config.ts";
import { NodeServer } from "../../src/runtime/server/node-server.ts";
import { ServerProcess } from "../support/server-process.ts";
import { fastFolder } from "../support/temp-folder.ts";
import { type TestAppOptions, testApp } from "../support/test-app.ts";
import { head, Wire } from "./wire.ts";

const LIMIT = 300_000;
const ABORTS = 1000;
const AT_ONCE = 32;

/** The real program over a folder and a database of its own. */
async function start(env: Record<string, string> = {}) {
  const folder = fastFolder();
  const uploads = join(folder, "uploads");
  const server = await ServerProcess.start({
    FILE_STORAGE_PATH: uploads,
    DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
    MAX_UPLOAD_BYTES: String(LIMIT),
    ...env,
  });
  const key = readFileSync(join(folder, "first-api-key"), "utf8").trim();
  const authorization = `Bearer ${key}`;
  const base = `${server.url}/api/v1`;
  const filesIn = (path: string) => (existsSync(path) ? readdirSync(path) : []);
  return {
    server,
    folder,
    key,
    base,
    headers: { Authorization: authorization, Connection: "close" },
    call: (path: string, init: RequestInit = {}) =>
      fetch(`${base}${path}`, {
        ...init,
        headers: { Authorization: authorization, ...init.headers },
      }),
    wire: () => Wire.open(server.url),
    /** How many descriptors the process has open. */
    descriptors: () => readdirSync(`/proc/${server.child.pid}/fd`).length,
    /** Every file under way or stored, and every upload in whatever state. */
    async kept() {
      const lists = await Promise.all(
        ["", "?status=uploading"].map(async (query) => {
          const answer = await fetch(`${base}/upload${query}`, {
            headers: { Authorization: authorization, Connection: "close" },
          });
          return ((await answer.json()) as { items: unknown[] }).items.length;
        }),
      );
      const temporary = filesIn(join(uploads, ".stowage", "tmp"));
      return { records: lists, files: filesIn(join(uploads, "default")), temporary };
    },
  };
}

const NOTHING = { records: [0, 0], files: [], temporary: [] };
const PATIENCE = { timeout: 20_000, interval: 50 };

/** A server in this process, over an app whose storage can be tampered with. */
async function startHere(options: TestAppOptions) {
  const app = await testApp(options);
  const config = loadConfig({ FILE_STORAGE_TYPE: "memory", PORT: "0" });
  const server = new NodeServer({ stowage: app.stowage, config, logger: app.logger });
  const url = await server.listen();
  onTestFinished(() => server.close(0));
  return { ...app, url };
}

/** The bytes "half" and "more", and an error once `fail` is called: the last chunk waits for its digest. */
function failing(): { stream: ReadableStream<Uint8Array>; fail(): void } {
  let fail = (): void => {};
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of ["half", "more"]) controller.enqueue(Buffer.from(chunk));
      fail = () => controller.error(new Error("the disk is on fire"));
    },
  });
  return { stream, fail };
}

/** An app in front of a storage that breaks off in the middle of every object under `prefix`. */
async function startBreaking(prefix: string) {
  let fail = (): void => {};
  const app = await startHere({
    tamper: (driver) => ({
      async get(key, options) {
        const read = await driver.get(key, options);
        if (!key.startsWith(prefix)) return read;
        const broken = failing();
        fail = broken.fail;
        return { ...read, stream: broken.stream };
      },
    }),
  });
  const get = async (path: string, headers: Record<string, string> = {}): Promise<string> => {
    const wire = await Wire.open(app.url);
    await wire.send(head(`GET ${path}`, { Authorization: "Bearer acme", ...headers }));
    await wire.until(/half/);
    fail();
    await wire.closed;
    return wire.received;
  };
  return { ...app, get };
}

test(`${ABORTS} aborted uploads leave nothing behind, and the process as it was`, {
  timeout: 90_000,
}, async () => {
  const service = await start();
  const content = randomBytes(LIMIT / 2);
  const whole = [
    "--b\r\nContent-Disposition: form-data; name=auto_process\r\n\r\nfalse\r\n",
    '--b\r\nContent-Disposition: form-data; name=file; filename="a.bin"\r\n\r\n',
  ].join("");
  const form = Buffer.concat([Buffer.from(whole), content, Buffer.from("\r\n--b--\r\n")]);
  const { Authorization } = service.headers;
  const requests = [
    [
      head("PUT /api/v1/upload/a.bin", { Authorization, "Content-Length": content.length }),
      content,
    ],
    [
      head("POST /api/v1/upload", {
        Authorization,
        "Content-Type": "multipart/form-data; boundary=b",
        "Content-Length": form.length,
      }),
      form,
    ],
  ] as const;
  const abort = async (round: number): Promise<void> => {
    const [start, body] = requests[round % 2] as (typeof requests)[number];
    const wire = await service.wire();
    await wire.send(start, body.subarray(0, randomInt(body.length)));
    // Some say goodbye, some do not.
    if (round % 3 > 0) return wire.reset();
    wire.socket.end();
    await wire.closed;
  };
  await Promise.all(Array.from({ length: AT_ONCE }, (_, round) => abort(round)));
  await expect.poll(service.kept, PATIENCE).toEqual(NOTHING);
  const before = service.descriptors();

  let next = 0;
  const run = async (): Promise<void> => {
    while (next < ABORTS) await abort(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, run));

  await expect.poll(service.kept, PATIENCE).toEqual(NOTHING);
  await expect.poll(() => service.descriptors() - before, PATIENCE).toBeLessThanOrEqual(2);
  const answer = await service.call("/upload/after.txt", { method: "PUT", body: "still here" });
  expect(answer.status).toBe(201);
  // A client that goes away is no error of ours.
  const errors = service.server.log.filter(({ level }) => level === "error");
  expect(errors).toEqual([]);
  expect(service.server.child.exitCode).toBeNull();
});

test("a body announced as too long is refused before it is sent", async () => {
  const service = await start();
  for (const [line, type] of [
    ["PUT /api/v1/upload/a.bin", "application/octet-stream"],
    ["POST /api/v1/upload", "multipart/form-data; boundary=b"],
  ]) {
    const wire = await service.wire();
    await wire.send(
      head(`${line}`, {
        ...service.headers,
        "Content-Type": `${type}`,
        "Content-Length": 10 ** 10,
      }),
    );
    expect(await wire.until(/"code":"upload_too_large"/)).toMatch(/^HTTP\/1\.1 413 /);
    await wire.reset();
  }
  await expect.poll(service.kept, PATIENCE).toEqual(NOTHING);
});

test("Expect: 100-continue asks for a body that is wanted, and only for that", async () => {
  const service = await start();
  const expecting = { ...service.headers, Expect: "100-continue" };
  const wanted = await service.wire();
  await wanted.send(head("PUT /api/v1/upload/a.txt", { ...expecting, "Content-Length": 5 }));
  await wanted.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
  await wanted.send("hello");
  expect(await wanted.until(/"sha256"/)).toContain("HTTP/1.1 201 ");
  await wanted.closed;

  const refusals: readonly [number, Record<string, string | number>][] = [
    [413, { "Content-Length": LIMIT + 1 }],
    [401, { "Content-Length": 5, Authorization: "Bearer stw_wrong" }],
    [415, { "Content-Length": 5, "Content-Encoding": "gzip" }],
  ];
  for (const [status, headers] of refusals) {
    const refused = await service.wire();
    await refused.send(head("PUT /api/v1/upload/a.txt", { ...expecting, ...headers }));
    expect(await refused.until(/"request_id"/)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    await refused.reset();
  }
});

test("a body without a length is taken up to the limit; one byte more gets a 413 that can be read", async () => {
  const service = await start();
  const chunked = { ...service.headers, "Transfer-Encoding": "chunked" };
  const put = async (bytes: Uint8Array): Promise<string> => {
    const wire = await service.wire();
    await wire.send(head("PUT /api/v1/upload/a.bin", chunked));
    for (let start = 0; start < bytes.length; start += 1000) {
      const chunk = bytes.subarray(start, start + 1000);
      await wire.send(`${chunk.length.toString(16)}\r\n`, chunk, "\r\n");
    }
    await wire.send("0\r\n\r\n");
    await wire.closed;
    return wire.received;
  };
  expect(await put(randomBytes(LIMIT + 1))).toMatch(/^HTTP\/1\.1 413 .*"upload_too_large"/s);
  await expect.poll(service.kept, PATIENCE).toEqual(NOTHING);
  expect(await put(randomBytes(LIMIT))).toMatch(/^HTTP\/1\.1 201 /);
  expect(await service.kept()).toMatchObject({ records: [1, 0] });
});

test.each([
  ["garbage", "nonsense\r\n\r\n", 400],
  ["no Host", "GET /health/live HTTP/1.1\r\nConnection: close\r\n\r\n", 400],
  ["a wrong Host", head("GET /health/live", { Host: "a b@c", Connection: "close" }), 400],
  ["a backslash in the path", head("GET /api\\v1", { Connection: "close" }), 400],
  [
    "two lengths",
    head("PUT /api/v1/upload/a", { "Content-Length": "1\r\nContent-Length: 2" }),
    400,
  ],
  [
    "a length and chunks",
    head("PUT /api/v1/upload/a", { "Content-Length": 1, "Transfer-Encoding": "chunked" }),
    400,
  ],
  ["a bad length", head("PUT /api/v1/upload/a", { "Content-Length": "1x" }), 400],
  ["endless headers", head("GET /health/live", { "X-Long": "x".repeat(100_000) }), 431],
])("NodeServer answers %s with a problem", async (_, bytes, status) => {
  const { url } = await startHere({});
  const wire = await Wire.open(url);
  await wire.send(bytes);
  await wire.closed;
  const [start = "", body = ""] = wire.received.split("\r\n\r\n");
  expect(start).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(start.toLowerCase()).toContain("content-type: application/problem+json");
  const problem = JSON.parse(body) as Record<string, string>;
  expect(problem).toMatchObject({ type: "about:blank", status, code: "invalid_request" });
  expect(problem["detail"]).toMatch(/./);
  expect(start).toMatch(new RegExp(`x-request-id: ${problem["request_id"]}`, "i"));
});

test.each([
  "/api/v1//upload",
  "//api/v1/upload",
  "/api/v1/x/../upload",
  "/api/v1/x/%2e%2e/upload",
  "/api/v1/upload/.",
  "/api/v1/upload/%2e",
  "/api/v1/upload;a=b",
  "/API/V1/UPLOAD",
  "/api/v1/%75pload",
  "/api/v1/upload/?",
  "/api/v1/upload%2f",
  "/api/v1/upload%00",
  "/api/v1/upload/%ff",
  "/api/v1/health/live/../../upload",
  "/health/live/%2e%2e/%2e%2e/api/v1/upload",
  "http://stowage.test/api/v1/upload",
])("the path %s passes no gate without a token", async (path) => {
  const app = await startHere({});
  const before = await app.kept();
  for (const method of ["GET", "HEAD", "PUT", "DELETE", "TRACE"]) {
    const wire = await Wire.open(app.url);
    await wire.send(head(`${method} ${path}`, { Connection: "close", "Content-Length": 0 }));
    await wire.closed;
    expect(wire.received, method).toMatch(/^HTTP\/1\.1 (400|401|404|405) .*x-request-id: /is);
  }
  expect(await app.kept()).toEqual(before);
});

test("a connection serves on after a HEAD, a 304 and a refused body", async () => {
  const app = await startHere({});
  const upload = await app.put("some text");
  const file = `/api/v1/upload/${upload.id}/file`;
  const Authorization = "Bearer acme";
  const wire = await Wire.open(app.url);
  const requests: readonly [string, number, string][] = [
    [head(`HEAD ${file}`, { Authorization }), 200, ""],
    [head(`GET ${file}`, { Authorization, "If-None-Match": `"${upload["sha256"]}"` }), 304, ""],
    [`${head("PUT /api/v1/upload/a", { "Content-Length": 5 })}hello`, 401, "unauthenticated"],
    [head(`GET ${file}`, { Authorization, Range: "bytes=5-" }), 206, "text"],
    [head(`GET ${file}`, { Authorization, Range: "bytes=99-" }), 416, "range_not_satisfiable"],
    [head("TRACE /api/v1/upload", {}), 405, "method_not_allowed"],
    [head("GET /health/live", { Connection: "close" }), 200, "alive"],
  ];
  for (const [request, status, text] of requests) {
    wire.received = "";
    await wire.send(request);
    await wire.until(text === "" ? /\r\n\r\n/ : new RegExp(text));
    expect(wire.received).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    if (text === "") expect(wire.received).toMatch(/\r\n\r\n$/);
    if (request.startsWith("HEAD")) expect(wire.received).toMatch(/content-length: 9\r\n/i);
  }
  await wire.closed;
});

test("bad chunks get a 400, and nothing is kept", async () => {
  const service = await start();
  const wire = await service.wire();
  const headers = { ...service.headers, "Transfer-Encoding": "chunked" };
  await wire.send(head("PUT /api/v1/upload/a.bin", headers), "5\r\nhello\r\nzz\r\n");
  await wire.closed;
  expect(wire.received).toMatch(/^HTTP\/1\.1 400 /);
  await expect.poll(service.kept, PATIENCE).toEqual(NOTHING);
});

test("an aborted download frees its file", async () => {
  const service = await start({ MAX_UPLOAD_BYTES: "64MiB" });
  const body = randomBytes(32 * 2 ** 20);
  const upload = await (await service.call("/upload/a.bin", { method: "PUT", body })).json();
  const { id } = upload as { id: string };
  const open = () =>
    readdirSync(`/proc/${service.server.child.pid}/fd`).filter((fd) => {
      try {
        return readlinkSync(`/proc/${service.server.child.pid}/fd/${fd}`).includes(id);
      } catch {
        return false;
      }
    });
  const wires = await Promise.all(Array.from({ length: 8 }, service.wire));
  for (const wire of wires) {
    wire.socket.pause();
    await wire.send(head(`GET /api/v1/upload/${id}/file`, service.headers));
  }
  await expect.poll(() => open().length, PATIENCE).toBe(8);
  await Promise.all(wires.map((wire) => wire.reset()));
  await expect.poll(() => open().length, PATIENCE).toBe(0);
});

test("a storage that fails in the middle of a file breaks the connection", async () => {
  const app = await startBreaking("acme/");
  // A small one would be read to its end before its answer begins.
  const { id } = await app.put("halfmore".padEnd(300_000));
  for (const range of [{}, { Range: "bytes=0-9" }]) {
    const [start = "", body] = (await app.get(`/api/v1/upload/${id}/file`, range)).split(
      "\r\n\r\n",
    );
    expect(start).toMatch(/^HTTP\/1\.1 20[06] .*content-length: (?:10|300000)\r/is);
    expect(body).toMatch(/^half(more)?$/);
  }
});

test("a storage that fails in the middle of a result never lets it look whole", async () => {
  const app = await startBreaking(".stowage/derived/");
  const { id } = await app.put("some text", "a.txt", "?auto_process=true");
  app.stowage.start();
  const status = async () => (await app.send("GET", `/api/v1/upload/${id}`)).json();
  await expect.poll(status, PATIENCE).toMatchObject({ status: "processed" });
  const answer = await app.get(`/api/v1/upload/${id}/result`);
  expect(answer).not.toMatch(/\r\n0\r\n\r\n$/);
  expect(answer).not.toContain("on fire");
  // Told once, in the log; whatever streams elsewhere prints to the console.
  const reported = app.log.filter(({ event }) => event === "response.broken_off");
  expect(reported).toMatchObject([{ level: "error", fields: { errorCode: "internal" } }]);
});

test("a client that leaves in the middle of a result has the storage's stream cancelled", async () => {
  const cancelled = Promise.withResolvers<void>();
  const app = await startHere({
    tamper: (driver) => ({
      async get(key, options) {
        const read = await driver.get(key, options);
        if (!key.startsWith(".stowage/derived/")) return read;
        const stream = new ReadableStream<Uint8Array>({
          pull: (controller) => controller.enqueue(Buffer.alloc(65_536, "x")),
          cancel: () => cancelled.resolve(),
        });
        return { ...read, stream };
      },
    }),
  });
  const { id } = await app.put("some text", "a.txt", "?auto_process=true");
  app.stowage.start();
  const status = async () => (await app.send("GET", `/api/v1/upload/${id}`)).json();
  await expect.poll(status, PATIENCE).toMatchObject({ status: "processed" });
  const wire = await Wire.open(app.url);
  await wire.send(head(`GET /api/v1/upload/${id}/result`, { Authorization: "Bearer acme" }));
  await wire.until(/xxx/);
  await wire.reset();
  await cancelled.promise;
});

test("SIGTERM lets an upload finish and takes no new connections", async () => {
  const service = await start();
  const wire = await service.wire();
  await wire.send(
    head("PUT /api/v1/upload/a.txt", {
      ...service.headers,
      Connection: "keep-alive",
      "Content-Length": 10,
    }),
    "hello",
  );
  await expect.poll(service.kept, PATIENCE).toMatchObject({ records: [0, 1] });
  service.server.child.kill("SIGTERM");
  const refused = () =>
    Wire.open(service.server.url).then(
      (open) => open.reset(),
      () => "refused",
    );
  await expect.poll(refused, PATIENCE).toBe("refused");
  await wire.send("hello");
  // No one waits for a next request.
  expect(await wire.until(/"sha256"/)).toMatch(/^HTTP\/1\.1 201 .*connection: close/is);
  expect(await service.server.ended).toEqual({ code: 0, signal: null });
  const { id } = JSON.parse(wire.received.slice(wire.received.indexOf("{"))) as { id: string };
  const stored = join(service.folder, "uploads", "default", id, "a.txt");
  expect(readFileSync(stored, "utf8")).toBe("hellohello");
});

test("curl uploads with -F and with -T, and downloads what it sent", async () => {
  const service = await start();
  const file = join(service.folder, "lebenslauf – ü.txt");
  const sent = join(service.folder, "received");
  const content = randomBytes(LIMIT - 10);
  writeFileSync(file, content);
  const sha256 = createHash("sha256").update(content).digest("hex");
  const curl = async (...args: string[]) => {
    const common = ["-sS", "-H", `Authorization: Bearer ${service.key}`];
    const { stdout } = await promisify(execFile)("curl", [...common, ...args]);
    return stdout;
  };
  const form = ["-F", `file=@${file}`, "-F", 'metadata={"a":1}', `${service.base}/upload/`];
  for (const args of [form, ["-T", file, `${service.base}/upload/`]]) {
    const upload = JSON.parse(await curl(...args)) as Record<string, string>;
    expect(upload).toMatchObject({ filename: "lebenslauf – ü.txt", sha256, status: "stored" });
    await curl("-o", sent, `${service.base}/upload/${upload["id"]}/file`);
    expect(readFileSync(sent).equals(content)).toBe(true);
    // Cut off and taken up again.
    writeFileSync(sent, content.subarray(0, 1000));
    await curl("-C", "-", "-o", sent, `${service.base}/upload/${upload["id"]}/file`);
    expect(readFileSync(sent).equals(content)).toBe(true);
  }
  const listed = JSON.parse(await curl(`${service.base}/upload/`)) as { items: object[] };
  expect(listed.items).toMatchObject([{ metadata: {} }, { metadata: { a: 1 } }]);
});
