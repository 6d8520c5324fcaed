import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { StowageError } from "../../src/domain/errors.ts";
import { heldAnswers } from "../support/held-answers.ts";
import { holdServer } from "../support/held-servers.ts";
import { ServerProcess } from "../support/server-process.ts";
import { fastFolder } from "../support/temp-folder.ts";
import { testApp } from "../support/test-app.ts";
import { Contract, type Document } from "./contract.ts";

async function scene() {
  const app = await testApp();
  const answer = await app.send("GET", "/openapi.json");
  const contract = new Contract((await answer.json()) as Document);
  const upload = await app.put("x");
  const path = `/api/v1/upload/${upload.id}`;
  const breaches = async (method: string, at: string, answered: Response) =>
    contract.findBreaches(
      { method, path: at },
      {
        status: answered.status,
        headers: answered.headers,
        body: await answered.text(),
      },
    );
  const reported = (
    body: unknown,
    init: ResponseInit & { headers?: Record<string, string> } = {},
  ) =>
    new Response(JSON.stringify(body), {
      ...init,
      headers: {
        "X-Request-Id": "r-1",
        "Content-Type": "application/json",
        ETag: '"r2"',
        ...init.headers,
      },
    });
  return { ...app, contract, upload, path, breaches, reported };
}

test("Contract finds every status, type and property that is not declared", async () => {
  const { upload, path, breaches, reported } = await scene();
  const get = (body: unknown, init?: Parameters<typeof reported>[1]) =>
    breaches("GET", `${path}/`, reported(body, init));
  expect(await get(upload)).toEqual([]);
  expect(await get({ ...upload, size: null })).toEqual([]);
  expect(await get(upload, { status: 418 })).toEqual(["getUpload 418 is not declared"]);
  expect(await get(upload, { headers: { "Content-Type": "text/html" } })).toEqual([
    "getUpload 200 is not declared as text/html",
  ]);
  for (const wrong of [
    { ...upload, key: "acme/x" },
    { ...upload, size: "1" },
    { ...upload, size: 1.5 },
    { ...upload, status: "lost" },
    { ...upload, id: undefined },
    { ...upload, created_at: "yesterday" },
    { ...upload, processing: { ...(upload["processing"] as object), key: 1 } },
    [upload],
    null,
  ]) {
    expect(await get(wrong), JSON.stringify(wrong)).not.toEqual([]);
  }
});

test("Contract finds every header that is not declared, is missing, or is another than declared", async () => {
  const { upload, path, breaches, reported } = await scene();
  const with_ = (headers: Record<string, string>) =>
    breaches("GET", path, reported(upload, { headers }));
  expect(await with_({ "Cache-Control": "no-store", Date: "now" })).toEqual([]);
  expect(await with_({ "X-Powered-By": "us" })).toEqual([
    "getUpload 200 does not declare x-powered-by",
  ]);
  expect(await with_({ "X-Request-Id": "a b" })).toEqual([
    "getUpload 200 has a wrong x-request-id: a b",
  ]);
  expect(await with_({ "X-Content-Type-Options": "sniff" })).toHaveLength(1);
  const created = await breaches("PUT", "/api/v1/upload/a.txt", reported(upload, { status: 201 }));
  expect(created).toEqual(["putUpload 201 does not declare etag", "putUpload 201 lacks location"]);
});

test("Contract finds a code that is not declared, though others of its status are", async () => {
  const { path, breaches } = await scene();
  const problem = (code: string) => {
    const reported = { type: "about:blank", title: "Not Found", status: 404, detail: "?", code };
    return new Response(JSON.stringify({ ...reported, request_id: "r-1" }), {
      status: 404,
      headers: { "X-Request-Id": "r-1", "Content-Type": "application/problem+json" },
    });
  };
  expect(await breaches("GET", path, problem("upload_not_found"))).toEqual([]);
  expect(await breaches("GET", path, problem("text_not_found"))).toEqual([
    "getUpload 404 does not declare the code text_not_found",
  ]);
});

test("Contract holds answers outside of every operation too", async () => {
  const { breaches, reported } = await scene();
  expect(await breaches("GET", "/nowhere", reported({}, { status: 200 }))).toEqual([
    "GET nowhere 200 is not declared",
  ]);
  expect(await breaches("GET", "/nowhere", reported({ title: "?" }, { status: 404 }))).not.toEqual(
    [],
  );
  const odd = reported("", { status: 405, headers: { "X-Odd": "1" } });
  expect(await breaches("BREW", "/api/v1/upload", odd)).toContain(
    "BREW nowhere 405 does not declare x-odd",
  );
});

test("ServerProcess holds what fetch gets from it, and other servers are let be", async () => {
  const folder = fastFolder();
  const { url } = await ServerProcess.start({
    FILE_STORAGE_PATH: join(folder, "uploads"),
    DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
  });
  const before = heldAnswers();
  expect((await fetch(`${url}/health/live`)).status).toBe(200);
  expect((await fetch(new Request(`${url}/api/v1/upload/a`, { method: "PUT" }))).status).toBe(401);
  expect((await fetch(new URL(`${url}/nowhere`))).status).toBe(404);
  expect(heldAnswers()).toBe(before + 3);

  const planted = createServer((_, response) => response.writeHead(418).end());
  await new Promise<void>((resolve) => planted.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void planted.close());
  const origin = `http://127.0.0.1:${(planted.address() as AddressInfo).port}`;
  expect((await fetch(`${origin}/health/live`)).status).toBe(418);
  const letGo = holdServer(origin);
  await expect(fetch(`${origin}/health/live`)).rejects.toThrow("live 418 is not declared");
  letGo();
  expect((await fetch(`${origin}/health/live`)).status).toBe(418);
});

test("testApp() holds every answer, fails for one that is not declared, and counts them", async () => {
  const before = heldAnswers();
  const app = await testApp({
    // A code that this operation does not declare.
    tamperRecords: () => ({
      async find() {
        throw new StowageError("invalid_metadata", "Cannot do this: it was planted");
      },
    }),
  });
  await app.put("x");
  expect(heldAnswers()).toBe(before + 1);
  await expect(app.send("GET", "/api/v1/upload/some-id")).rejects.toThrow(
    "getUpload 422 is not declared",
  );
  expect(heldAnswers()).toBe(before + 2);
});
