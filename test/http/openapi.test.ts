import { expect, test } from "vitest";
import { STATUS } from "../../src/http/problem.ts";
import { BASE_PATH } from "../../src/http/router.ts";
import { testApp } from "../support/test-app.ts";
import { type Document, findBreaches, type Operation } from "./contract.ts";

async function documentOf(env: Record<string, string> = {}) {
  const app = await testApp({ env });
  const answer = await app.send("GET", "/openapi.json");
  expect(answer.headers.get("content-type")).toBe("application/json");
  return { ...app, document: (await answer.json()) as Document };
}

function operationsOf({ paths }: Document): [string, string, Operation][] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]): [string, string, Operation] => [
      ...([path, method, operation] as const),
    ]),
  );
}

test("/openapi.json is OpenAPI 3.1 and tells every call of the table once", async () => {
  const { document, stowage } = await documentOf({ PUBLIC_URL: "https://files.example" });
  expect(document).toMatchObject({
    openapi: "3.1.0",
    info: { title: "Stowage", version: expect.any(String) },
    servers: [{ url: "https://files.example" }],
    components: { securitySchemes: { bearer: { type: "http", scheme: "bearer" } } },
  });
  const told = operationsOf(document).map(([path, method]) => `${method} ${path}`);
  const table = stowage.endpoints.map(
    ({ route, alsoAtRoot }) => `${route.method} ${alsoAtRoot ? "" : BASE_PATH}${route.path}`,
  );
  expect(told.sort()).toEqual(table.sort());
});

test("/openapi.json names every operation, its security and its answers", async () => {
  const { document, stowage } = await documentOf();
  const operations = operationsOf(document);
  const ids = operations.map(([, , { operationId }]) => operationId);
  expect(new Set(ids).size).toBe(operations.length);
  for (const [path, method, operation] of operations) {
    const endpoint = stowage.endpoints.find(
      ({ route }) => route.operationId === operation.operationId,
    );
    const { access } = endpoint ?? { access: "missing" };
    const scopes = access === "operator" ? [] : [access];
    const security = access === "public" ? [] : [{ bearer: scopes }];
    expect(operation.security, `${method} ${path}`).toEqual(security);
    const statuses = Object.keys(operation.responses);
    expect(statuses.some((status) => status.startsWith("2"))).toBe(true);
    if (access !== "public")
      expect(statuses).toEqual(expect.arrayContaining(["401", "403", "503"]));
    // The parameters in a path are those that are declared, and no other.
    const { parameters = [] } = operation as { parameters?: { in: string; name: string }[] };
    const inPath = parameters.filter((parameter) => parameter.in === "path");
    expect(inPath.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
  }
});

test("/openapi.json refers to nothing that it does not hold", async () => {
  const { document } = await documentOf();
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)];
  expect(references.length).toBeGreaterThan(10);
  for (const [, reference = ""] of references) {
    const steps = reference.replace(/^#\//, "").split("/");
    const found = steps.reduce<unknown>(
      (at, step) => (at as Record<string, unknown>)?.[step],
      document,
    );
    expect(found, reference).toBeTypeOf("object");
  }
});

test("the result of an upload is what /openapi.json declares", async () => {
  const app = await documentOf();
  const { id } = await app.put("words", "a.txt", "?auto_process=true");
  app.stowage.start();
  const get = (path: string) => app.send("GET", `/api/v1/upload/${id}${path}`);
  const status = async () => (await get("")).json();
  await expect.poll(status).toMatchObject({ status: "processed" });
  const answer = await get("/result");
  const told = {
    status: answer.status,
    contentType: answer.headers.get("content-type"),
    body: await answer.text(),
  };
  const request = { method: "GET", path: `/api/v1/upload/${id}/result` };
  expect(findBreaches(app.document, request, told)).toEqual([]);
  expect(told.body).toContain("words");
});

test("findBreaches() sees what a document does not promise", async () => {
  const { document, put } = await documentOf();
  const upload = await put("x");
  const request = { method: "GET", path: `/api/v1/upload/${upload.id}/` };
  const breaches = (status: number, body: unknown, contentType = "application/json") =>
    findBreaches(document, request, { status, contentType, body: JSON.stringify(body) });
  expect(breaches(200, upload)).toEqual([]);
  expect(breaches(418, upload)).toEqual(["getUpload 418 is not declared"]);
  expect(breaches(200, upload, "text/html")).toEqual([
    "getUpload 200 is not declared as text/html",
  ]);
  expect(breaches(200, { ...upload, key: "acme/x" })).toEqual([
    "getUpload 200.key is not declared",
  ]);
  expect(breaches(200, { ...upload, size: "1" })).toHaveLength(1);
  expect(breaches(200, { ...upload, size: null })).toEqual([]);
  expect(breaches(200, { ...upload, status: "lost" })).toHaveLength(1);
  expect(breaches(200, { ...upload, id: undefined })).toEqual(["getUpload 200.id is missing"]);
});

test("/openapi.json declares the status of every problem that a route may answer", async () => {
  const { document, stowage } = await documentOf();
  for (const { route, access, problems } of stowage.endpoints) {
    const operation = operationsOf(document).find(
      ([, , { operationId }]) => operationId === route.operationId,
    )?.[2];
    const guarded = ["unauthenticated", "insufficient_scope", "auth_unavailable"] as const;
    for (const code of [
      ...problems,
      ...(access === "public" ? [] : guarded),
      "internal",
    ] as const) {
      const content = operation?.responses[STATUS[code]]?.content ?? {};
      expect(Object.keys(content), `${route.operationId} ${code}`).toContain(
        "application/problem+json",
      );
    }
  }
});

test("/openapi.json declares parameters and bodies as callers need them", async () => {
  const { document } = await documentOf();
  const operation = (path: string, method: string) =>
    document.paths[BASE_PATH + path]?.[method] as unknown as Record<string, unknown>;
  expect(operation("/upload", "get")["parameters"]).toContainEqual(
    expect.objectContaining({
      name: "limit",
      in: "query",
      required: false,
      schema: { type: "integer", minimum: 1, maximum: 200, default: 50 },
    }),
  );
  expect(operation("/upload", "post")["requestBody"]).toMatchObject({
    content: { "multipart/form-data": { schema: { required: ["file"] } } },
  });
  expect(operation("/upload/{filename}", "put")["requestBody"]).toMatchObject({
    content: { "*/*": { schema: { format: "binary" } } },
  });
  const processors = { type: "array", minItems: 1, maxItems: 32 };
  expect(operation("/upload/{id}/reprocess", "post")["requestBody"]).toMatchObject({
    required: false,
    content: {
      "application/json": { schema: { additionalProperties: false, properties: { processors } } },
    },
  });
});
