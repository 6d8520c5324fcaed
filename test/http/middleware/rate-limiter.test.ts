import { expect, test, vi } from "vitest";
import { TENANT_CACHE_MS } from "../../../src/application/uploads/tenant-limits-service.ts";
import { RateLimiter } from "../../../src/http/middleware/rate-limiter.ts";
import { ACME, TestClock } from "../../support/services.ts";
import {
  filePart,
  form,
  type TestApp,
  type TestAppOptions,
  testApp,
} from "../../support/test-app.ts";
import { problemOf } from "../problem-of.ts";

/** An app whose callers' address is what the last argument of `send` says. */
async function start(env: Record<string, string>, options: TestAppOptions = {}) {
  const app = await testApp({
    env,
    // The scene asks for the document from elsewhere.
    peerAddress: (address) => (typeof address === "string" ? address : "198.51.100.200"),
    ...options,
  });
  const send: TestApp["send"] = (method, path, init, address = "192.0.2.1") =>
    app.send(method, path, init, address);
  return { ...app, send };
}

const LIST = "/api/v1/upload";
const STRANGER = { headers: { Authorization: "Bearer stranger" } };

/** What `count` equal requests are answered. */
async function statuses(count: number, call: () => Promise<Response>): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < count; i += 1) found.push((await call()).status);
  return found;
}

test("an address has its number of requests in a minute, whatever credential it shows", async () => {
  const app = await start({ RATE_LIMIT_PER_ADDRESS: "3" });
  const guess = () => app.send("GET", LIST, STRANGER, "192.0.2.1");
  expect(await statuses(4, guess)).toEqual([401, 401, 401, 429]);
  expect((await app.send("GET", LIST, {}, "192.0.2.1")).status).toBe(429);
  expect((await app.send("GET", LIST, {}, "192.0.2.2")).status).toBe(200);
  app.clock.advance(60_000);
  expect((await guess()).status).toBe(401);
});

test("guessing is refused before the credential is looked at", async () => {
  let looks = 0;
  const authenticate = async () => {
    looks += 1;
    return null;
  };
  const app = await start({ RATE_LIMIT_PER_ADDRESS: "2" }, { authenticate });
  expect(await statuses(5, () => app.send("GET", LIST))).toEqual([401, 401, 429, 429, 429]);
  expect(looks).toBe(2);
});

test("a refusal says why, when to come again, and how the limit stands", async () => {
  const app = await start({ RATE_LIMIT_PER_ADDRESS: "1", RATE_LIMIT_PER_TENANT: "10" });
  const first = await app.send("GET", LIST);
  expect(first.headers.get("RateLimit")).toBe("limit=10, remaining=9, reset=60");
  expect(first.headers.get("RateLimit-Policy")).toBe("10;w=60");
  app.clock.advance(20_000);
  const second = await app.send("GET", LIST);
  expect(second.headers.get("Retry-After")).toBe("40");
  expect(second.headers.get("RateLimit")).toBe("limit=1, remaining=0, reset=40");
  const problem = (await second.clone().json()) as { detail: string };
  expect(problem.detail).toBe(
    "Cannot accept more requests from this address: the limit is 1 per minute",
  );
  expect(await problemOf(second)).toEqual({ status: 429, code: "rate_limited" });
});

test("a tenant has its number of requests in a minute, from wherever; operators have no limit", async () => {
  const app = await start({ RATE_LIMIT_PER_TENANT: "2" });
  let calls = 0;
  const from = (name: string) => () => {
    calls += 1;
    const headers = { Authorization: `Bearer ${name}` };
    return app.send("GET", LIST, { headers }, `192.0.2.${calls}`);
  };
  expect(await statuses(3, from("acme"))).toEqual([200, 200, 429]);
  expect(await statuses(3, from("acme:upload:read"))).toEqual([429, 429, 429]);
  expect(await statuses(3, from("other"))).toEqual([200, 200, 429]);
  // Who is refused for its scope has not got as far as the tenant's limit.
  expect(await statuses(3, from("operator"))).toEqual([403, 403, 403]);
  const health = () =>
    app.send("GET", "/api/v1/storage/health", { headers: { Authorization: "Bearer operator" } });
  expect(await statuses(4, health)).toEqual([200, 200, 200, 200]);
});

test("an operator sets the limit of one tenant, above or below the others', or none", async () => {
  const app = await start({ RATE_LIMIT_PER_TENANT: "2" });
  const call = () => app.send("GET", LIST);
  await app.tenants.set(ACME, { requestsPerMinute: 3 });
  expect(await statuses(4, call)).toEqual([200, 200, 200, 429]);
  await app.tenants.set(ACME, { requestsPerMinute: null });
  app.clock.advance(TENANT_CACHE_MS);
  expect(await statuses(4, call)).toEqual([200, 200, 200, 200]);
  await app.tenants.set(ACME, { requestsPerMinute: 1 });
  app.clock.advance(60_000);
  const answer = await call();
  expect(answer.headers.get("RateLimit-Policy")).toBe("1;w=60");
  expect((await call()).status).toBe(429);
});

test("the limits of a tenant are asked for once per request, for the rate limit and for the upload", async () => {
  const app = await start({ RATE_LIMIT_PER_TENANT: "9", QUOTA_UPLOADS: "9" });
  const asked = vi.spyOn(app.stowage.tenantLimits, "of");
  await app.put("text");
  expect(asked).toHaveBeenCalledTimes(1);
  const { body, headers } = form([filePart("text")]);
  expect((await app.send("POST", LIST, { headers, body })).status).toBe(201);
  expect(asked).toHaveBeenCalledTimes(2);
});

test("probes are never limited; everything else is", async () => {
  const app = await start({ RATE_LIMIT_PER_ADDRESS: "1" });
  const exempt = app.stowage.endpoints.filter(({ rateLimited }) => !rateLimited);
  expect(exempt.map(({ route }) => route.path)).toEqual(["/health/live", "/health/ready"]);
  await app.send("GET", LIST);
  for (const path of ["/health/live", "/api/v1/health/ready"]) {
    expect(await statuses(3, () => app.send("GET", path)), path).toEqual([200, 200, 200]);
  }
  for (const { route, alsoAtRoot, rateLimited } of app.stowage.endpoints) {
    if (!rateLimited) continue;
    const path = `${alsoAtRoot ? "" : "/api/v1"}${route.path}`.replaceAll(/\{\w+\}/g, "x");
    const answer = await app.send(route.method.toUpperCase(), path);
    expect(answer.status, `${route.method} ${path}`).toBe(429);
  }
});

test("raw responses, such as files, have the RateLimit headers too", async () => {
  const app = await start({ RATE_LIMIT_PER_TENANT: "9" });
  const { id } = await app.put("text");
  for (const path of [`/${id}/file`, `/${id}`, "/nothing"]) {
    const answer = await app.send("GET", `${LIST}${path}`);
    expect(answer.headers.get("RateLimit"), path).toMatch(/^limit=9, remaining=\d, reset=60$/);
  }
  const unlimited = await testApp();
  expect((await unlimited.send("GET", LIST)).headers.has("RateLimit")).toBe(false);
});

test.each([
  ["0", "198.51.100.1", [200, 429]],
  ["1", "203.0.113.%, 198.51.100.1", [200, 429]],
  ["1", "203.0.113.%", [200, 200]],
  ["1", "unknown", [200, 429]],
])("with TRUST_PROXY=%s and X-Forwarded-For: %s the second request gets %j", async (proxies, forwarded, expected) => {
  const app = await start({ RATE_LIMIT_PER_ADDRESS: "1", TRUST_PROXY: proxies });
  let calls = 0;
  const call = () => {
    calls += 1;
    const headers = { "X-Forwarded-For": forwarded.replace("%", String(calls)) };
    return app.send("GET", LIST, { headers }, "10.0.0.1");
  };
  expect(await statuses(2, call)).toEqual(expected);
});

test("no address is in the log", async () => {
  const app = await start({ RATE_LIMIT_PER_ADDRESS: "1", TRUST_PROXY: "1" });
  const headers = { "X-Forwarded-For": "203.0.113.77" };
  await statuses(2, () => app.send("GET", LIST, { headers }, "192.0.2.99"));
  expect(app.log.length).toBeGreaterThan(0);
  expect(JSON.stringify(app.log)).not.toMatch(/203\.0\.113|192\.0\.2/);
});

function counter(maxCallers?: number) {
  const clock = new TestClock();
  const limiter = new RateLimiter(clock, maxCallers);
  return { clock, limiter, hits: (caller: string) => limiter.hit(caller).hits };
}

test("hit() counts each caller by itself, anew in every window", () => {
  const { clock, hits } = counter();
  expect([hits("a"), hits("a"), hits("b")]).toEqual([1, 2, 1]);
  clock.advance(59_999);
  expect(hits("a")).toBe(3);
  clock.advance(1);
  expect([hits("a"), hits("b")]).toEqual([1, 1]);
});

test("hit() reports the seconds until the window ends, rounded up", () => {
  const { clock, limiter } = counter();
  expect(limiter.hit("a").resetSeconds).toBe(60);
  clock.advance(39_001);
  expect(limiter.hit("a").resetSeconds).toBe(21);
});

test("hit() makes no window longer when the clock is set back", () => {
  const { clock, hits } = counter();
  hits("a");
  clock.advance(-3_600_000);
  expect(hits("a")).toBe(1);
  clock.advance(60_000);
  expect(hits("a")).toBe(1);
});

test("hit() keeps a bounded number of callers, and forgets the oldest windows first", () => {
  const { clock, limiter, hits } = counter(100);
  for (let i = 0; i < 1000; i += 1) hits(`caller ${i}`);
  expect(limiter.size).toBe(100);
  expect([hits("caller 999"), hits("caller 0")]).toEqual([2, 1]);
  clock.advance(60_000);
  hits("new");
  expect(limiter.size, "windows that have ended are swept out").toBe(1);
});
