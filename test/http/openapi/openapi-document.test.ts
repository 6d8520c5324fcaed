import { createConfig, lintFromString } from "@redocly/openapi-core";
import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, test } from "vitest";
import { type ErrorCode, StowageError } from "../../../src/domain/errors.ts";
import { BASE_PATH } from "../../../src/http/endpoint.ts";
import { ERROR_GUIDE } from "../../../src/http/openapi/error-guide.ts";
import { TAGS } from "../../../src/http/openapi/openapi-document.ts";
import { problemOf, STATUS } from "../../../src/http/problem.ts";
import { testApp } from "../../support/test-app.ts";
import type { Document, Operation } from "../contract.ts";

async function documentOf(env: Record<string, string> = {}) {
  const app = await testApp({ env });
  const answer = await app.send("GET", "/openapi.json");
  expect(answer.headers.get("content-type")).toBe("application/json");
  const text = await answer.text();
  return { ...app, text, document: JSON.parse(text) as Document };
}

function operationsOf({ paths }: Document): [string, string, Operation][] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]): [string, string, Operation] => [
      ...([path, method, operation] as const),
    ]),
  );
}

test("/openapi.json is OpenAPI 3.1 and has every call of the table once", async () => {
  const { document, stowage } = await documentOf({ PUBLIC_URL: "https://files.example" });
  expect(document).toMatchObject({
    openapi: "3.1.0",
    info: { title: "Stowage", version: expect.any(String) },
    servers: [{ url: "https://files.example" }],
    components: { securitySchemes: { bearer: { type: "http", scheme: "bearer" } } },
  });
  // OpenAPI holds two paths for one that differ in the names of their parameters only.
  const shape = (path: string) => path.replace(/\{\w+\}/, "{}");
  const reported = operationsOf(document).map(([path, method]) => `${method} ${shape(path)}`);
  const table = stowage.endpoints.map(
    ({ route, alsoAtRoot }) => `${route.method} ${alsoAtRoot ? "" : BASE_PATH}${shape(route.path)}`,
  );
  expect(reported.sort()).toEqual(table.sort());
});

test("/openapi.json is valid by the schema of OpenAPI 3.1", async () => {
  const { document } = await documentOf();
  const validate = async (changed: object) =>
    (await new Validator().validate({ ...document, ...changed })).valid;
  expect(await validate({})).toBe(true);
  expect(await validate({ paths: { "/x": { get: { responses: { ok: {} } } } } })).toBe(false);
});

test("/openapi.json has nothing that a linter finds, its examples included", async () => {
  const { text, document } = await documentOf({ PUBLIC_URL: "https://files.acme.dev" });
  const config = await createConfig({
    extends: ["recommended-strict"],
    rules: {
      // Files and forms: POST /upload and PUT /upload/{filename} beside GET /upload/{id}.
      "no-ambiguous-paths": "off",
      // Probes are refused for nothing.
      "operation-4xx-response": "off",
      // What may come with any answer is described once.
      "no-unused-components": "off",
      "operation-tag-defined": "error",
      "operation-singular-tag": "error",
      "parameter-description": "error",
    },
  });
  const lint = async (source: string) =>
    (await lintFromString({ source, config })).map(
      ({ ruleId, message, location }) => `${ruleId} ${location[0]?.pointer}: ${message}`,
    );
  expect(await lint(text)).toEqual([]);
  const planted = { ...document, tags: [] };
  expect(await lint(JSON.stringify(planted))).not.toEqual([]);
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
    const reported = operation as Operation & {
      tags?: string[];
      summary?: string;
      parameters?: { in: string; name: string }[];
    };
    expect(reported.summary, `${method} ${path}`).toMatch(/\w/);
    expect(Object.keys(TAGS), `${method} ${path}`).toEqual(
      expect.arrayContaining(reported.tags ?? []),
    );
    expect(reported.tags, `${method} ${path}`).toHaveLength(1);
    // The parameters in a path are those that are declared, and no other.
    const inPath = (reported.parameters ?? []).filter((parameter) => parameter.in === "path");
    expect(inPath.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
  }
});

test("/openapi.json refers to nothing that it does not hold", async () => {
  const { text, document } = await documentOf();
  const references = [...text.matchAll(/"\$ref":"([^"]+)"/g)];
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

test("/openapi.json has every problem of every route, with its meaning and an example", async () => {
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
      const response = operation?.responses[STATUS[code]];
      expect(response, `${route.operationId} ${code}`).toMatchObject({
        description: expect.stringContaining(`- \`${code}\`: ${ERROR_GUIDE[code]}`),
        content: {
          "application/problem+json": {
            examples: { [code]: { $ref: `#/components/examples/${code}` } },
          },
        },
      });
    }
  }
  for (const [code, example] of Object.entries(document.components["examples"] ?? {})) {
    const status = STATUS[code as ErrorCode];
    expect(example).toMatchObject({ value: { code, status, type: "about:blank" } });
  }
});

test("/openapi.json holds no component that nothing refers to, but what goes with any answer", async () => {
  const { text, document } = await documentOf();
  const spare = Object.entries(document.components).flatMap(([kind, all]) =>
    Object.entries(all)
      .filter(([name]) => !text.includes(`"#/components/${kind}/${name}"`))
      .map(([name, component]) => [
        kind,
        name,
        (component as Record<string, unknown>)["x-any-answer"],
      ]),
  );
  expect(spare.filter(([kind]) => kind !== "securitySchemes").length).toBeGreaterThan(3);
  for (const [kind, name, anywhere] of spare) {
    if (kind !== "securitySchemes") expect([name, anywhere]).toEqual([name, true]);
  }
});

test("/openapi.json promises nothing that is not built", async () => {
  const { text } = await documentOf();
  for (const path of ["/link", "/direct", "/complete", "/resumable", "/metrics"]) {
    expect(text).not.toContain(path);
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
      schema: expect.objectContaining({ type: "integer", minimum: 1, maximum: 200, default: 50 }),
    }),
  );
  expect(operation("/upload", "post")["requestBody"]).toMatchObject({
    content: { "multipart/form-data": { schema: { required: ["file"] } } },
  });
  expect(operation("/upload/{id}", "put")["requestBody"]).toMatchObject({
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

test("docs/errors.md lists every code with its status and what to do", async () => {
  const rows = Object.entries(ERROR_GUIDE).map(
    ([code, guide]) => `| \`${code}\` | ${STATUS[code as ErrorCode]} | ${guide} |`,
  );
  const page = [
    "# Errors",
    "",
    "Look up an error by its `code`. A code never changes its meaning; `detail` is for humans and may change. Every error",
    "response is `application/problem+json` ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)):",
    "",
    "```json",
    JSON.stringify(
      problemOf(new StowageError("upload_not_found", "Cannot find upload"), "job-4711"),
    ),
    "```",
    "",
    "`document_*`, `extractor_*` and `processor_*` also appear in an upload's `processing.error`. `request_id` identifies the",
    "request in the server's log. This page is generated from `src/http/openapi/error-guide.ts`: run",
    "`vitest run test/http/openapi/openapi-document.test.ts --update`.",
    "",
    "| code | status | meaning, and what to do |",
    "|---|---|---|",
    ...rows,
    "",
  ].join("\n");
  await expect(page).toMatchFileSnapshot("../../../docs/errors.md");
});
