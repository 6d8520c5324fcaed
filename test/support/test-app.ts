import { CompiledQuery } from "kysely";
import { onTestFinished } from "vitest";
import memory from "../../drivers/memory.ts";
import { InProcessExtractor } from "../../src/adapters/extractor/in-process.ts";
import { createApiKeyRecords } from "../../src/adapters/records/api-keys.ts";
import { migrate } from "../../src/adapters/records/migrations.ts";
import { openNodeSqlite } from "../../src/adapters/records/node-sqlite.ts";
import { createTenantRecords } from "../../src/adapters/records/tenants.ts";
import { createUploadRecords } from "../../src/adapters/records/upload-records.ts";
import { loadConfig } from "../../src/config.ts";
import type { Logger } from "../../src/domain/ports/logger.ts";
import type { UploadRecords } from "../../src/domain/ports/records.ts";
import { type Principal, SCOPES, type Scope } from "../../src/domain/principal.ts";
import { parseTenantId } from "../../src/domain/tenant.ts";
import type { StorageDriver } from "../../src/driver.ts";
import { STATUS } from "../../src/http/problem.ts";
import { defineProcessor, type Processor } from "../../src/processor.ts";
import { createStowage, type StowageParts } from "../../src/stowage.ts";
import type { Contract } from "../http/contract.ts";
import { contractOf, holdAnswer } from "./held-answers.ts";
import { TestClock } from "./services.ts";

/** Its text is the document itself. */
export const ECHO = defineProcessor({
  name: "echo",
  version: "1",
  accepts: ["text/plain"],
  async process(input) {
    const text = new TextDecoder().decode(await input.bytes());
    return { output: { characters: text.length }, text };
  },
});

/** Credentials of the test's callers: `acme`, `other`, `operator`, and `acme:<scope>` with one scope only. */
async function authenticate(request: Request): Promise<Principal | null> {
  const [, token] = /^Bearer (\S+)$/.exec(request.headers.get("Authorization") ?? "") ?? [];
  if (token === "operator") return { kind: "operator", subject: "key:operator" };
  const [, name = "", scope] = /^(acme|other)(?::(upload:\w+))?$/.exec(token ?? "") ?? [];
  if (name === "") return null;
  const scopes = new Set(scope === undefined ? SCOPES : [scope as Scope]);
  return { kind: "tenant", tenant: parseTenantId(name), subject: `key:${name}`, scopes };
}

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

function recordingLogger(lines: LogLine[], context: LogLine["fields"] = {}): Logger {
  const at = (level: LogLine["level"]) => (event: string, fields?: LogLine["fields"]) => {
    lines.push({ level, event, fields: { ...context, ...fields } });
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => recordingLogger(lines, { ...context, ...fields }),
  };
}

export interface TestAppOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly processors?: readonly Processor[];
  /** Who is calling; `credentials` judges API keys and JWTs, as in production. */
  readonly authenticate?: StowageParts["authenticate"] | "credentials";
  /** Replaces verbs of the storage's driver. */
  readonly tamper?: (driver: StorageDriver) => Partial<StorageDriver>;
  readonly tamperRecords?: (records: UploadRecords) => Partial<UploadRecords>;
  readonly requestBody?: StowageParts["requestBody"];
  readonly basePath?: string;
  readonly peerAddress?: StowageParts["peerAddress"];
  /** What `env` may name as a storage, instead of a memory, and what it sees of this machine. */
  readonly drivers?: StowageParts["drivers"];
  readonly host?: StowageParts["host"];
  /** When the clock stands still: storages outside of this process want it to be about right. */
  readonly now?: number;
  /** Instead of the extractor's own. */
  readonly extractorCheck?: () => Promise<void>;
}

/** The whole service on real parts: memory storage, SQLite in memory, processors in process, a held clock. */
export async function testApp(options: TestAppOptions = {}) {
  const clock = new TestClock(options.now);
  const log: LogLine[] = [];
  const logger = recordingLogger(log);
  const executor = await openNodeSqlite(":memory:");
  await migrate(executor);
  const real = createUploadRecords(executor, clock);
  const keys = createApiKeyRecords(executor);
  const tenants = createTenantRecords(executor, clock);
  const extractor = new InProcessExtractor({
    processors: options.processors ?? [ECHO],
    concurrency: 2,
    logger,
  });
  const stowage = await createStowage(
    loadConfig({
      FILE_STORAGE_TYPE: "memory",
      MAX_UPLOAD_BYTES: "1000000",
      ...options.env,
    }),
    {
      drivers: (options.drivers ?? [memory]).map((definition) => ({
        name: definition.name,
        async open(given, context) {
          const driver = await definition.open(given, context);
          return { ...driver, ...options.tamper?.(driver) };
        },
      })),
      ...(options.host === undefined ? {} : { host: options.host }),
      records: { ...real, ...options.tamperRecords?.(real) },
      keys,
      tenants,
      extractor: Object.assign(
        extractor,
        options.extractorCheck && { check: options.extractorCheck },
      ),
      ...(options.authenticate === "credentials"
        ? {}
        : { authenticate: options.authenticate ?? authenticate }),
      logger,
      clock,
      connections: () => ({ open: 3, limit: 4096 }),
      random: (bytes) => crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>),
      ...(options.basePath === undefined ? {} : { basePath: options.basePath }),
      ...(options.requestBody === undefined ? {} : { requestBody: options.requestBody }),
      ...(options.peerAddress === undefined ? {} : { peerAddress: options.peerAddress }),
    },
  );
  let contract: Contract | null = null;
  onTestFinished(async () => {
    await stowage.close();
    await executor.close();
  });

  /** Send a request as `acme`, unless the headers say otherwise. `path` begins after the host. */
  async function send(
    method: string,
    path: string,
    init: { readonly headers?: Record<string, string>; readonly body?: RequestInit["body"] } = {},
    env?: unknown,
  ): Promise<Response> {
    const request = new Request(`http://test${path}`, {
      method,
      headers: { Authorization: "Bearer acme", ...init.headers },
      body: init.body ?? null,
      duplex: "half",
    });
    const answer = await stowage.fetch(request, env);
    await holdToDocument(method, path, answer);
    return answer;
  }

  /** Every answer of every test is what the document promises. */
  async function holdToDocument(method: string, path: string, answer: Response): Promise<void> {
    // No one is there to be promised anything.
    if (answer.status === STATUS.request_aborted) return;
    contract ??= contractOf(
      await (await stowage.fetch(new Request("http://test/openapi.json"))).text(),
    );
    await holdAnswer(contract, { method, path }, answer);
  }

  return {
    stowage,
    clock,
    keys,
    tenants,
    log,
    logger,
    send,
    /** Upload text with PUT. @returns The upload object. */
    async put(text: string, filename = "a.txt", query = ""): Promise<UploadJson> {
      const answer = await send("PUT", `/api/v1/upload/${encodeURIComponent(filename)}${query}`, {
        body: text,
      });
      if (answer.status !== 201) throw new Error(`PUT answered ${await answer.text()}`);
      return (await answer.json()) as UploadJson;
    },
    /** Change the records behind the service's back, into states that nothing here can bring about. */
    async sql(query: string, ...parameters: readonly (string | number)[]): Promise<void> {
      await executor.run(CompiledQuery.raw(query, [...parameters]));
    },
    /** How many rows the records hold, in whatever state. */
    async rows(): Promise<number> {
      const count = CompiledQuery.raw("SELECT count(*) AS n FROM uploads");
      const [row] = (await executor.run(count)) as readonly { n: number }[];
      return row?.n ?? -1;
    },
    /** How many files are kept, and how many records of them: what a refused upload must not change. */
    async kept(): Promise<{ files: number; records: number }> {
      let files = 0;
      for await (const _ of stowage.storages.primary.list("")) files += 1;
      const records = await stowage.uploads.list(
        parseTenantId("acme"),
        {},
        { limit: 200, after: null },
      );
      const arriving = await stowage.uploads.list(
        parseTenantId("acme"),
        { status: "uploading" },
        { limit: 200, after: null },
      );
      return {
        files,
        records: records.uploads.length + arriving.uploads.length,
      };
    },
  };
}

export type TestApp = Awaited<ReturnType<typeof testApp>>;

/** What of an upload object tests look at. */
export interface UploadJson {
  readonly id: string;
  readonly [field: string]: unknown;
}

/** A form as curl sends it: each part as its headers and its content. */
export function form(
  parts: readonly { readonly headers: string; readonly content: string }[],
  end = "--boundary--\r\n",
): { body: string; headers: Record<string, string> } {
  const body = parts.map(
    ({ headers, content }) => `--boundary\r\n${headers}\r\n\r\n${content}\r\n`,
  );
  return {
    body: body.join("") + end,
    headers: { "Content-Type": "multipart/form-data; boundary=boundary" },
  };
}

export function filePart(content: string, filename = 'filename="a.txt"', name = "file") {
  return {
    headers: `Content-Disposition: form-data; name="${name}"; ${filename}\r\nContent-Type: text/plain`,
    content,
  };
}

export function fieldPart(name: string, content: string) {
  return { headers: `Content-Disposition: form-data; name="${name}"`, content };
}
