import { describe, expect, test } from "vitest";
import { busyWaitSeconds, delay, waitSeconds } from "../../src/client/transport.ts";
import { createClient, StowageApiError } from "../../src/client.ts";
import { answering, breakOff, json, problem } from "./scene.ts";

const UPLOAD = { id: "1", filename: "a" };

describe("a call", () => {
  test("sends token and headers, evaluated before each attempt", async () => {
    const { url, requests } = await answering(
      problem(503, "server_busy", { "Retry-After": "0" }),
      json(200, UPLOAD),
    );
    let asked = 0;
    const client = createClient({
      baseUrl: `${url}/files/`,
      token: async () => `token-${++asked}`,
      headers: () => ({ "X-Asked": String(asked) }),
    });
    await client.get("1");
    expect(
      requests.map(({ url, headers }) => [url, headers.authorization, headers["x-asked"]]),
    ).toEqual([
      ["/files/api/v1/upload/1", "Bearer token-1", "0"],
      ["/files/api/v1/upload/1", "Bearer token-2", "1"],
    ]);
  });

  test("that only reads is retried when the connection breaks, or after a temporary error", async () => {
    const busy = problem(503, "server_busy", { "Retry-After": "0" });
    const { url, requests } = await answering(breakOff, busy, busy, json(200, UPLOAD));
    expect(await createClient({ baseUrl: url }).get("1")).toEqual(UPLOAD);
    expect(requests.length).toBe(4);
  });

  test("is retried when its response breaks in the middle", async () => {
    const { url, requests } = await answering(
      (_, response) => {
        response.writeHead(200, { "Content-Length": "100" });
        response.write('{"id":', () => response.destroy());
      },
      json(200, UPLOAD),
    );
    expect(await createClient({ baseUrl: url }).get("1")).toEqual(UPLOAD);
    expect(requests.length).toBe(2);
  });

  test("is retried as often as `retries` says, and then fails with the last response", async () => {
    const { url, requests } = await answering(problem(503, "server_busy", { "Retry-After": "0" }));
    const failed = createClient({ baseUrl: url, retries: 2 }).get("1");
    await expect(failed).rejects.toMatchObject({ code: "server_busy", retryAfterSeconds: 0 });
    expect(requests.length).toBe(3);
  });

  test.each([
    ["update()", (client: ReturnType<typeof createClient>) => client.update("1", {})],
    ["delete()", (client: ReturnType<typeof createClient>) => client.delete("1")],
    ["reprocess()", (client: ReturnType<typeof createClient>) => client.reprocess("1")],
  ])("%s is not tried again: it may have been done", async (_, call) => {
    for (const handler of [breakOff, problem(503, "server_busy", { "Retry-After": "0" })]) {
      const { url, requests } = await answering(handler, json(200, UPLOAD));
      await expect(call(createClient({ baseUrl: url }))).rejects.toBeInstanceOf(StowageApiError);
      expect(requests.length).toBe(1);
    }
  });

  test("that was refused for good is not retried", async () => {
    for (const [status, code] of [
      [401, "unauthenticated"],
      [404, "upload_not_found"],
      [409, "text_not_ready"],
      [413, "quota_exceeded"],
      [500, "internal"],
    ] as const) {
      const { url, requests } = await answering(problem(status, code));
      await expect(createClient({ baseUrl: url }).get("1")).rejects.toMatchObject({ status, code });
      expect(requests.length).toBe(1);
    }
  });

  test("an upload whose first attempt is still running is retried", async () => {
    const busy = problem(409, "idempotency_key_in_use", { "Retry-After": "0" });
    const { url, requests } = await answering(
      ...[breakOff, ...Array.from({ length: 10 }, () => busy), json(201, UPLOAD)],
    );
    const upload = createClient({ baseUrl: url }).upload(new Blob(["x"]), { filename: "a" });
    expect(await upload).toEqual(UPLOAD);
    expect(requests.length).toBe(12);
  });

  test("an upload whose first attempt keeps running fails in the end", async () => {
    const { url, requests } = await answering(
      problem(409, "idempotency_key_in_use", { "Retry-After": "0" }),
    );
    const send = (retries: number) =>
      createClient({ baseUrl: url, retries }).upload(new Blob(["x"]), { filename: "a" });
    await expect(send(0)).rejects.toMatchObject({ code: "idempotency_key_in_use" });
    expect(requests.length).toBe(1);
    await expect(send(3)).rejects.toMatchObject({ code: "idempotency_key_in_use" });
    expect(requests.length).toBeGreaterThan(10);
  });

  test.each([
    ["a page of a proxy", 502, "text/html", "<h1>Bad gateway</h1>"],
    ["JSON of someone else", 404, "application/json", '{"code":"nope"}'],
    ["a problem that is none", 400, "application/problem+json", "{"],
    ["a problem without a code", 400, "application/problem+json", "{}"],
  ])("that is answered with %s fails with its status", async (_, status, type, body) => {
    const { url } = await answering((_request, response) => {
      response.writeHead(status, { "Content-Type": type, "X-Request-Id": "r-1" }).end(body);
    });
    const failed = createClient({ baseUrl: url, retries: 0 }).get("1");
    await expect(failed).rejects.toMatchObject({
      code: "unexpected_answer",
      status,
      requestId: "r-1",
    });
  });

  test("that reaches no server fails with the runtime's error as its cause", async () => {
    const client = createClient({ baseUrl: "http://127.0.0.1:1", retries: 0 });
    await expect(client.get("1")).rejects.toMatchObject({
      code: "connection_failed",
      status: 0,
      requestId: null,
      cause: expect.any(TypeError),
    });
  });

  test("ends with the reason of its signal: before, during, and between attempts", async () => {
    const reason = new Error("changed my mind");
    const aborted = AbortSignal.abort(reason);
    const { url, requests } = await answering(problem(503, "server_busy", { "Retry-After": "50" }));
    const client = createClient({ baseUrl: url });
    await expect(client.get("1", { signal: aborted })).rejects.toBe(reason);
    expect(requests.length).toBe(0);

    const between = new AbortController();
    const waiting = client.get("1", { signal: between.signal });
    await expect.poll(() => requests.length).toBe(1);
    between.abort(reason);
    await expect(waiting).rejects.toBe(reason);

    const silent = await answering(() => during.abort(reason));
    const during = new AbortController();
    const hanging = createClient({ baseUrl: silent.url }).get("1", { signal: during.signal });
    await expect(hanging).rejects.toBe(reason);
  });
});

describe("waitSeconds()", () => {
  const reported = (retryAfterSeconds: number | null, status = 503) =>
    new StowageApiError("server_busy", "No", { status, retryAfterSeconds });

  test("is what the service sent, or null if that is too long", () => {
    expect(waitSeconds(reported(7), 0)).toBe(7);
    expect(waitSeconds(reported(60), 0)).toBe(60);
    expect(waitSeconds(reported(61), 0)).toBeNull();
  });

  test("grows, with jitter, if the service sent nothing", () => {
    for (const [tries, least, most] of [
      [0, 0.125, 0.375],
      [1, 0.25, 0.75],
      [2, 0.5, 1.5],
    ] as const) {
      const waits = Array.from({ length: 50 }, () => waitSeconds(reported(null), tries) ?? -1);
      expect(Math.min(...waits)).toBeGreaterThanOrEqual(least);
      expect(Math.max(...waits)).toBeLessThanOrEqual(most);
      expect(new Set(waits).size).toBeGreaterThan(10);
    }
  });

  test("is null for permanent errors", () => {
    expect(waitSeconds(reported(1, 500), 0)).toBeNull();
    expect(waitSeconds(new Error("a bug"), 0)).toBeNull();
  });
});

test("busyWaitSeconds() retries every few seconds until a dead server's lease must have expired", () => {
  const busy = (retryAfterSeconds: number | null) =>
    new StowageApiError("idempotency_key_in_use", "No", { status: 409, retryAfterSeconds });
  expect(busyWaitSeconds(busy(2), 0)).toBe(2);
  expect(busyWaitSeconds(busy(60), 0)).toBe(5);
  expect(busyWaitSeconds(busy(null), 60)).toBe(5);
  expect(busyWaitSeconds(busy(1), 75)).toBeNull();
  expect(busyWaitSeconds(new StowageApiError("server_busy", "No", { status: 503 }), 0)).toBeNull();
});

test("Retry-After may be a date", async () => {
  const at = new Date(Date.now() + 3_600_000).toUTCString();
  const { url } = await answering(problem(503, "server_busy", { "Retry-After": at }));
  const failed = (await createClient({ baseUrl: url })
    .get("1")
    .catch((error: unknown) => error)) as StowageApiError;
  expect(failed.retryAfterSeconds).toBeGreaterThan(3_500);
  expect(failed.retryAfterSeconds).toBeLessThanOrEqual(3_600);
});

test("delay() leaves no listener behind", async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  const watched = Object.assign(Object.create(signal) as AbortSignal, {
    throwIfAborted() {},
    addEventListener: () => (listeners += 1),
    removeEventListener: () => (listeners -= 1),
  });
  await delay(0, watched);
  expect(listeners).toBe(0);
});
