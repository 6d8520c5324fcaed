import { expect, test } from "vitest";
import text from "../../../processors/text.ts";
import { StowageError } from "../../../src/domain/errors.ts";
import { probeDriver } from "../../../src/domain/probe-driver.ts";
import type { StorageDriver } from "../../../src/driver.ts";
import {
  type DocsDocument,
  type DocsOperation,
  type DocsParameter,
  resolve,
} from "../../../src/http/docs/document.ts";
import {
  EXAMPLE_ID,
  EXAMPLE_TEXT,
  EXAMPLE_TIME,
} from "../../../src/http/openapi/example-values.ts";
import { testApp } from "../../support/test-app.ts";
import { Contract, type Document, escapePointer } from "../contract.ts";

/** Operations that describe an upload when its processors are done. */
const PROCESSED = ["getResult", "getText", "getEvents"];

/** The document itself, and the page of it, are no examples. */
const BY_ITSELF = ["openapi", "docs"];

interface Call {
  readonly path: string;
  readonly method: string;
  readonly operation: DocsOperation;
  readonly parameters: readonly DocsParameter[];
}

/** Of a list of words the first is one. */
function exampleOf({ schema }: DocsParameter): string | null {
  const example = schema.examples?.[0] ?? schema.enum?.[0];
  return example === undefined ? null : String(example);
}

async function callsOf(app: Awaited<ReturnType<typeof testApp>>) {
  const document = (await (await app.send("GET", "/openapi.json")).json()) as DocsDocument;
  const calls = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]): Call => {
      const parameters = (operation.parameters ?? []).map((one) =>
        resolve(document, "parameters", one),
      );
      return { path, method: method.toUpperCase(), operation, parameters };
    }),
  );
  return { document, calls };
}

/** The service with the one upload that the examples describe. */
async function exampleApp(operationId = "") {
  const storage = { isReadOnly: false };
  const app = await testApp({
    processors: [text],
    now: Date.parse(EXAMPLE_TIME),
    tamper(driver) {
      const put: StorageDriver["put"] = async (...args) => {
        if (storage.isReadOnly) throw new StowageError("storage_read_only", "Cannot write");
        return await driver.put(...args);
      };
      const random = (bytes: Uint8Array) =>
        crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);
      return { put, check: (options) => probeDriver({ ...driver, put }, random, options) };
    },
  });
  const processed = PROCESSED.includes(operationId);
  const query = processed ? "?auto_process=true" : "";
  const { id } = await app.put(EXAMPLE_TEXT, "resume.txt", query);
  if (processed) {
    app.stowage.start();
    const status = async () => (await app.send("GET", `/api/v1/upload/${id}`)).json();
    await expect.poll(status, { timeout: 20_000 }).toMatchObject({ status: "processed" });
  }
  /** Make a call as its examples say, with these of its optional parameters. */
  const send = (call: Call, optional: readonly DocsParameter[] = []) => {
    const given = [...call.parameters.filter(({ required }) => required === true), ...optional];
    const placed = (place: string) => given.filter((parameter) => parameter.in === place);
    const path = placed("path").reduce(
      (at, one) => at.replace(`{${one.name}}`, encodeURIComponent(exampleOf(one) ?? "")),
      call.path,
    );
    const query = new URLSearchParams(
      Object.fromEntries(placed("query").map((one) => [one.name, exampleOf(one) ?? ""])),
    );
    const operators = call.operation.security.some(({ bearer }) => bearer?.length === 0);
    const [type, body] = bodyOf(call.operation);
    const headers = {
      ...(operators ? { Authorization: "Bearer operator" } : {}),
      ...(type === null ? {} : { "Content-Type": type }),
      ...Object.fromEntries(placed("header").map((one) => [one.name, exampleOf(one) ?? ""])),
    };
    const place = `${path}?${query}`.replace(EXAMPLE_ID, id);
    return app.send(call.method, place, { headers, body });
  };
  return { ...app, storage, id, send };
}

function bodyOf({ requestBody }: DocsOperation): [string | null, string | FormData | null] {
  for (const [type, { example }] of Object.entries(requestBody?.content ?? {})) {
    if (type !== "multipart/form-data") {
      const sent = typeof example === "string" ? example : JSON.stringify(example);
      return [type === "*/*" ? "text/plain" : type, sent];
    }
    const form = new FormData();
    for (const [name, value] of Object.entries(example as Record<string, string>)) {
      if (name === "file") form.set(name, new File([value], "resume.txt", { type: "text/plain" }));
      else form.set(name, value);
    }
    return [null, form];
  }
  return [null, null];
}

/** What an answer says, with the ids of the examples, and without how long it took. */
function reported(body: string, id: string): unknown {
  const known = body.replaceAll(id, EXAMPLE_ID);
  if (!known.startsWith("{")) return known;
  return JSON.parse(known, (name, value) => {
    if (name === "duration_ms") return "some";
    return name === "id" && value !== EXAMPLE_ID ? "another" : value;
  });
}

test("every call answers its example with its example", async () => {
  const { calls } = await callsOf(await testApp());
  for (const call of calls) {
    const { operation } = call;
    const { operationId, responses } = operation;
    if (BY_ITSELF.includes(operationId)) continue;
    const app = await exampleApp(operationId);
    const answer = await app.send(call);
    const body = await answer.text();
    expect(answer.status, `${operationId}: ${body}`).toBeLessThan(300);
    if (answer.status === 204) continue;
    const type = answer.headers.get("Content-Type")?.split(";", 1)[0] ?? "";
    const { content = {} } = responses[String(answer.status)] ?? {};
    const { example } = content[type] ?? content["*/*"] ?? {};
    expect(example, operationId).toBeDefined();
    const made = answer.status === 201 ? (JSON.parse(body) as { id: string }).id : app.id;
    const wanted = typeof example === "string" ? example : JSON.stringify(example);
    expect(reported(body, made), operationId).toEqual(reported(wanted, EXAMPLE_ID));
  }
});

test("a range and a storage that takes nothing are answered with their examples", async () => {
  const { calls } = await callsOf(await testApp());
  const callTo = (operationId: string) =>
    calls.find(({ operation }) => operation.operationId === operationId) as Call;
  for (const [operationId, status] of [
    ["getFile", "206"],
    ["getText", "206"],
    ["ready", "503"],
    ["storageHealth", "503"],
  ] as const) {
    const app = await exampleApp(operationId);
    app.storage.isReadOnly = true;
    const call = callTo(operationId);
    const answer = await app.send(
      call,
      call.parameters.filter(({ name }) => name === "Range"),
    );
    expect(String(answer.status), operationId).toBe(status);
    const [media] = Object.values(call.operation.responses[status]?.content ?? {});
    const example = media?.example;
    const wanted = typeof example === "string" ? example : JSON.stringify(example);
    expect(reported(await answer.text(), app.id), operationId).toEqual(
      reported(wanted, EXAMPLE_ID),
    );
  }
});

test("every answer with a body has an example", async () => {
  const { calls } = await callsOf(await testApp());
  const without = calls.flatMap(({ operation: { operationId, responses } }) =>
    Object.entries(responses).flatMap(([status, { content = {} }]) =>
      Object.entries(content)
        .filter(([type]) => type !== "application/problem+json")
        .filter(([, { example }]) => example === undefined)
        .map(() => `${operationId} ${status}`),
    ),
  );
  expect(without.filter((one) => !BY_ITSELF.some((name) => one.startsWith(name)))).toEqual([]);
});

test("every parameter's example is taken, each for itself", async () => {
  const { calls } = await callsOf(await testApp());
  let sent = 0;
  for (const call of calls) {
    const app = await exampleApp(call.operation.operationId);
    for (const parameter of call.parameters) {
      if (exampleOf(parameter) === null || parameter.required === true) continue;
      // With POST they describe the whole form, whose boundary is another each time.
      if (call.method === "POST" && /digest|md5/i.test(parameter.name)) continue;
      const answer = await app.send(call, [parameter]);
      const name = `${call.operation.operationId} ${parameter.name}`;
      expect(answer.status, `${name}: ${answer.status}`).toBeLessThan(400);
      await answer.body?.cancel();
      sent += 1;
      if (call.method === "DELETE") break;
    }
  }
  expect(sent).toBeGreaterThan(30);
});

test("every example fits its schema", async () => {
  const app = await testApp();
  const { document, calls } = await callsOf(app);
  const contract = new Contract(document as unknown as Document);
  const misfits: string[] = [];
  let held = 0;
  const hold = (pointer: string, value: unknown) => {
    held += 1;
    misfits.push(...contract.misfits(pointer, value).map((misfit) => `${pointer}: ${misfit}`));
  };
  for (const { path, method, operation } of calls) {
    const at = `/paths/${escapePointer(path)}/${method.toLowerCase()}`;
    for (const [type, { example }] of Object.entries(operation.requestBody?.content ?? {})) {
      hold(`${at}/requestBody/content/${escapePointer(type)}/schema`, example);
    }
    for (const [status, { content = {} }] of Object.entries(operation.responses)) {
      for (const [type, { example }] of Object.entries(content)) {
        if (example === undefined) continue;
        hold(`${at}/responses/${status}/content/${escapePointer(type)}/schema`, example);
      }
    }
  }
  const { examples = {} } = (document as unknown as Document).components;
  for (const { value } of Object.values(examples) as { value: unknown }[]) {
    hold("/components/schemas/Problem", value);
  }
  for (const kind of ["headers", "parameters"] as const) {
    for (const [name, { schema }] of Object.entries(document.components[kind])) {
      for (const example of schema.examples ?? []) {
        hold(`/components/${kind}/${name}/schema`, example);
      }
    }
  }
  expect(misfits).toEqual([]);
  expect(held).toBeGreaterThan(70);
});
