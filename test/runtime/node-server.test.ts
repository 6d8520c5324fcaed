import { expect, onTestFinished, test } from "vitest";
import { loadConfig } from "../../src/config.ts";
import { nodeAddress } from "../../src/runtime/node-address.ts";
import { NodeServer } from "../../src/runtime/node-server.ts";
import { head, Wire } from "../http/wire.ts";
import { type TestAppOptions, testApp } from "../support/test-app.ts";

/** Node's server in this process. */
async function start(env: Record<string, string> = {}, options: TestAppOptions = {}) {
  const app = await testApp({ env, addressOf: nodeAddress, ...options });
  const config = loadConfig({ FILE_STORAGE_TYPE: "memory", PORT: "0", ...env });
  const server = new NodeServer(app.stowage, config, app.logger);
  const url = await server.listen();
  onTestFinished(() => server.close(0));
  return { ...app, url };
}

test.each([
  ["what is no HTTP", "nonsense\r\n\r\n"],
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

test("NodeServer refuses whoever calls too often without its body, and serves it on", async () => {
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
