import { type DocsDocument, type DocsOperation, resolve } from "../../src/http/docs/document.ts";
import { EXAMPLE_ID } from "../../src/http/openapi/example-values.ts";
import type { Caller, Draft } from "./draft.ts";

/** A valid request of one route, and what else its document says may be in it. */
export interface Seed {
  /** `getUpload`, or `getUpload HEAD`. */
  readonly name: string;
  readonly caller: Caller;
  readonly draft: Draft;
  /** Parameters that it may have. */
  readonly optional: readonly {
    readonly in: string;
    readonly name: string;
    readonly value: string;
  }[];
}

const BOUNDARY = "----boundary";

/**
 * A request of every route, as the document's own examples make it: a new route is there by itself.
 *
 * @throws If a parameter or a body that is required has no example.
 */
export function seedsOf(document: DocsDocument): Seed[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).flatMap(([method, operation]) => {
      const seed = seedOf(document, path, method.toUpperCase(), operation);
      if (method !== "get") return [seed];
      const head = { ...seed, name: `${seed.name} HEAD`, draft: { ...seed.draft, method: "HEAD" } };
      return [seed, head];
    }),
  );
}

function seedOf(
  document: DocsDocument,
  path: string,
  method: string,
  operation: DocsOperation,
): Seed {
  const parameters = (operation.parameters ?? []).map((one) => {
    const { in: place, name, required, schema } = resolve(document, "parameters", one);
    const example = schema.examples?.[0] ?? schema.enum?.at(-1);
    if (required === true && example === undefined) {
      throw new Error(`${operation.operationId} has no example of ${name}`);
    }
    const value = String(example ?? "").replaceAll(EXAMPLE_ID, "{id}");
    return { in: place, name, value, required: required === true };
  });
  const required = parameters.filter((one) => one.required);
  const caller = callerOf(operation);
  const [type, body] = bodyOf(operation);
  const pairs = (place: string) =>
    required.filter((one) => one.in === place).map(({ name, value }) => [name, value] as const);
  return {
    name: operation.operationId,
    caller,
    draft: {
      method,
      body,
      chunks: null,
      path: pairs("path").reduce((at, [name, value]) => at.replace(`{${name}}`, value), path),
      query: pairs("query"),
      headers: [
        ["Host", "stowage.test"],
        ["Connection", "close"],
        ...(caller === "nobody" ? [] : [["Authorization", `Bearer {key:${caller}}`] as const]),
        ...(type === null ? [] : [["Content-Type", type] as const]),
        ...pairs("header"),
      ],
    },
    optional: parameters.filter((one) => !one.required),
  };
}

function callerOf({ security }: DocsOperation): Caller {
  const [scheme] = security;
  if (scheme === undefined) return "nobody";
  return Object.values(scheme).flat().length === 0 ? "operator" : "acme";
}

function bodyOf({ operationId, requestBody }: DocsOperation): [string | null, string | null] {
  const [content] = Object.entries(requestBody?.content ?? {});
  if (content === undefined) return [null, null];
  const [type, { example }] = content;
  if (example === undefined) throw new Error(`${operationId} has no example of its body`);
  if (type === "multipart/form-data") {
    return [`${type}; boundary=${BOUNDARY}`, formOf(example as Record<string, string>)];
  }
  const text = typeof example === "string" ? example : JSON.stringify(example);
  return [type === "*/*" ? "text/plain" : type, latin1(text)];
}

function formOf(fields: Readonly<Record<string, string>>): string {
  const parts = Object.entries(fields).map(([name, value]) => {
    const filename = name === "file" ? '; filename="resume.txt"\r\nContent-Type: text/plain' : "";
    // A document processed for each request would leave little time for requests.
    const sent = name === "auto_process" ? "false" : latin1(value);
    return `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${filename}\r\n\r\n${sent}\r\n`;
  });
  return `${parts.join("")}--${BOUNDARY}--\r\n`;
}

function latin1(text: string): string {
  return Buffer.from(text).toString("latin1");
}
