import { expect, test } from "vitest";
import { BASE_PATH } from "../../../src/http/endpoint.ts";
import { REQUEST_HEADERS, RESPONSE_HEADERS } from "../../../src/http/openapi/headers.ts";
import { type TestApp, testApp } from "../../support/test-app.ts";

const PAGE = "https://app.example";
const LIST = "/api/v1/upload";

/** Every call of the table at every place, with the request headers that a page may want to send. */
function callsOf({ stowage }: TestApp) {
  return stowage.endpoints.flatMap(({ route, alsoAtRoot }) =>
    (alsoAtRoot ? [BASE_PATH, ""] : [BASE_PATH]).flatMap((base) => {
      const path = `${base}${route.path}`.replaceAll(/\{\w+\}/g, "x");
      const method = route.method.toUpperCase();
      return method === "GET"
        ? [
            { method, path },
            { method: "HEAD", path },
          ]
        : [{ method, path }];
    }),
  );
}

const WANTED =
  "authorization,content-md5,content-type,idempotency-key,if-match,if-none-match,if-range,last-event-id,range,repr-digest,x-request-id";

function preflight(app: TestApp, method: string, path: string, origin = PAGE) {
  return app.send("OPTIONS", path, {
    headers: {
      Authorization: "",
      Origin: origin,
      "Access-Control-Request-Method": method,
      "Access-Control-Request-Headers": WANTED,
    },
  });
}

const words = (text: string | null) =>
  (text ?? "")
    .toLowerCase()
    .split(",")
    .map((word) => word.trim());

/** What a browser makes of the answer to its preflight (Fetch, 4.9): why it would not send the request. */
function objection(answer: Response, method: string, origin: string): string | null {
  const allowed = answer.headers.get("Access-Control-Allow-Origin");
  if (!answer.ok) return `status ${answer.status}`;
  if (allowed !== "*" && allowed !== origin) return `origin ${allowed}`;
  if (!words(answer.headers.get("Access-Control-Allow-Methods")).includes(method.toLowerCase())) {
    return `method ${method}`;
  }
  const headers = words(answer.headers.get("Access-Control-Allow-Headers"));
  return words(WANTED).find((name) => !headers.includes(name)) ?? null;
}

const accessControl = (answer: Response) =>
  [...answer.headers.keys()].filter((name) => name.startsWith("access-control-"));

test.each([
  PAGE,
  "*",
])("a page of CORS_ORIGINS=%s may call every route, without a credential to ask", async (listed) => {
  const app = await testApp({ env: { CORS_ORIGINS: listed, RATE_LIMIT_PER_ADDRESS: "1" } });
  const calls = callsOf(app);
  expect(calls.length).toBeGreaterThan(15);
  for (const { method, path } of calls) {
    const answer = await preflight(app, method, path);
    expect(answer.status, path).toBe(204);
    expect(objection(answer, method, PAGE), `${method} ${path}`).toBeNull();
    expect(answer.headers.get("Access-Control-Max-Age")).toBe("7200");
    expect(answer.headers.get("Access-Control-Allow-Credentials")).toBe(
      listed === "*" ? null : "true",
    );
  }
});

test("a preflight lists the methods of its path and no others", async () => {
  const app = await testApp({ env: { CORS_ORIGINS: PAGE } });
  const answer = await preflight(app, "DELETE", `${LIST}/x/file`);
  expect(objection(answer, "DELETE", PAGE)).toBe("method DELETE");
  expect((await preflight(app, "GET", "/nowhere")).status).toBe(404);
});

test.each([
  ...["https://app.example.evil", "https://evil.example", "http://app.example", "null"],
  ...["https://app.example:444", "https://APP.example", "https://app.example/", ""],
])("a page of %j learns nothing if its origin is not listed", async (origin) => {
  const app = await testApp({ env: { CORS_ORIGINS: `${PAGE},https://other.example` } });
  const asked = await preflight(app, "GET", LIST, origin);
  expect([asked.status, accessControl(asked)]).toEqual([204, []]);
  const answer = await app.send("GET", LIST, { headers: { Origin: origin } });
  expect([answer.status, accessControl(answer)]).toEqual([200, []]);
  expect(answer.headers.get("Vary")).toBe("Origin");
});

test("no page learns anything without listed origins", async () => {
  const app = await testApp();
  const asked = await preflight(app, "GET", LIST);
  expect([asked.status, accessControl(asked)]).toEqual([204, []]);
  const answer = await app.send("GET", LIST, { headers: { Origin: PAGE } });
  expect([accessControl(answer), answer.headers.get("Vary")]).toEqual([[], null]);
});

test("OPTIONS without an origin lists the methods of the path", async () => {
  const app = await testApp({ env: { CORS_ORIGINS: PAGE } });
  for (const headers of [{}, { Origin: PAGE }]) {
    const answer = await app.send("OPTIONS", `${LIST}/x/file/`, { headers });
    expect([answer.status, answer.headers.get("Allow")]).toEqual([204, "GET, HEAD, OPTIONS"]);
    expect(answer.headers.has("Access-Control-Allow-Methods")).toBe(false);
  }
});

test("a page may send and read every documented header", async () => {
  const app = await testApp({ env: { CORS_ORIGINS: PAGE } });
  const asked = await preflight(app, "PUT", `${LIST}/a.txt`);
  const taken = words(asked.headers.get("Access-Control-Allow-Headers"));
  expect(
    words(Object.keys(REQUEST_HEADERS).join()).filter((name) => !taken.includes(name)),
  ).toEqual([]);
  const answer = await app.send("GET", LIST, { headers: { Origin: PAGE } });
  const exposed = words(answer.headers.get("Access-Control-Expose-Headers"));
  // The first two may be read of any answer; the others are for proxies and clients of another kind.
  const hidden = [
    "content-type",
    "content-length",
    "x-accel-buffering",
    "accept",
    "accept-encoding",
  ];
  const missing = words(Object.keys(RESPONSE_HEADERS).join()).filter(
    (name) => !exposed.includes(name) && !hidden.includes(name),
  );
  expect(missing).toEqual([]);
});

test("a page reads every answer, refusals as well, and the headers that it needs", async () => {
  const app = await testApp({
    env: { CORS_ORIGINS: PAGE, RATE_LIMIT_PER_TENANT: "5" },
    tamper: (driver) => ({
      async get(key, options) {
        if (key.startsWith("acme/")) throw "no error at all";
        return await driver.get(key, options);
      },
    }),
  });
  const { id } = await app.put("text");
  const page = { Origin: PAGE };
  const calls: readonly [number, () => Promise<Response>][] = [
    [200, () => app.send("GET", LIST, { headers: page })],
    [401, () => app.send("GET", LIST, { headers: { ...page, Authorization: "" } })],
    [404, () => app.send("GET", "/nowhere", { headers: page })],
    [405, () => app.send("PATCH", LIST, { headers: page })],
    [413, () => app.send("PUT", `${LIST}/a`, { headers: page, body: "x".repeat(1_000_001) })],
    [
      304,
      () => app.send("GET", `${LIST}/${id}/file`, { headers: { ...page, "If-None-Match": "*" } }),
    ],
    [503, () => app.send("GET", `${LIST}/${id}/file`, { headers: page })],
    [429, () => app.send("GET", LIST, { headers: page })],
  ];
  for (const [status, call] of calls) {
    const answer = await call();
    expect(answer.status).toBe(status);
    expect(answer.headers.get("Access-Control-Allow-Origin"), String(status)).toBe(PAGE);
    expect(answer.headers.get("Vary"), String(status)).toContain("Origin");
    const exposed = words(answer.headers.get("Access-Control-Expose-Headers"));
    expect(exposed).toEqual(
      expect.arrayContaining(
        words("Location,ETag,Content-Range,Repr-Digest,X-Request-Id,Retry-After"),
      ),
    );
  }
});
