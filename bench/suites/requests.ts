import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { compete, LIMIT, STOWAGE } from "../compete.ts";
import { type Load, load, requestOf } from "../load.ts";
import { nginxMissing, startNginx } from "../nginx.ts";
import type { Report } from "../report.ts";
import { seed } from "../seed.ts";
import { type ServerProcess, startServer } from "../server-process.ts";
import { type Options, Scene, STOWAGE_FLAGS, type Suite } from "../suite.ts";

const CONNECTIONS = 16;

/** One of the questions that are asked of every server, in its own words. */
interface Question {
  readonly scenario: string;
  readonly unit: "MiB/s" | "req/s";
  readonly status?: number;
  readonly connections?: number;
  /** The request for each server that takes part. */
  requests(known: Known): Readonly<Partial<Record<Party, Buffer>>>;
}

type Party = "raw" | "hono" | "nginx" | "stowage";

const NAMES: Readonly<Record<Party, string>> = {
  raw: LIMIT,
  hono: "hono",
  nginx: "nginx",
  stowage: STOWAGE,
};

/** What has to be known to ask Stowage. */
interface Known {
  readonly authorization: Readonly<Record<string, string>>;
  /** Id of a seeded upload, which has no file: a request that reaches the storage fails. */
  readonly recordId: string;
  /** Where the list is half way through. */
  readonly middle: string;
  /** Of an uploaded file of that many bytes. */
  fileId(bytes: number): string;
  etag(bytes: number): string;
  readonly largeBytes: number;
}

const KIB = 1024;

function listed(scenario: string, query: (known: Known) => string, items = 50): Question {
  return {
    scenario,
    unit: "req/s",
    requests: (known) => ({
      hono: requestOf("GET", `/list/${items}`),
      stowage: requestOf(
        "GET",
        `/api/v1/upload?limit=${items}${query(known)}`,
        known.authorization,
      ),
    }),
  };
}

function download(
  scenario: string,
  unit: "MiB/s" | "req/s",
  sizeOf: (known: Known) => number,
  connections = CONNECTIONS,
): Question {
  return {
    scenario,
    unit,
    connections,
    requests(known) {
      const size = sizeOf(known);
      return {
        raw: requestOf("GET", `/${size}`),
        nginx: requestOf("GET", `/${size}.bin`),
        hono: requestOf("GET", `/file/${size}.bin`),
        stowage: requestOf("GET", `/api/v1/upload/${known.fileId(size)}/file`, known.authorization),
      };
    },
  };
}

const QUESTIONS: readonly Question[] = [
  {
    scenario: "live",
    unit: "req/s",
    requests: () => ({
      raw: requestOf("GET", "/18"),
      hono: requestOf("GET", "/health/live"),
      stowage: requestOf("GET", "/health/live"),
    }),
  },
  listed("list, first page of 50", () => ""),
  listed("list, page of 50 from the middle", ({ middle }) => `&cursor=${middle}`),
  listed("list, page of 200", () => "", 200),
  {
    scenario: "HEAD",
    unit: "req/s",
    requests: ({ authorization, recordId }) => ({
      raw: requestOf("HEAD", "/1024"),
      nginx: requestOf("HEAD", "/1024.bin"),
      hono: requestOf("HEAD", "/file/1024.bin"),
      stowage: requestOf("HEAD", `/api/v1/upload/${recordId}/file`, authorization),
    }),
  },
  {
    scenario: "304",
    unit: "req/s",
    status: 304,
    requests: ({ authorization, recordId, etag }) => ({
      raw: requestOf("GET", "/1024", { "If-None-Match": "*" }),
      nginx: requestOf("GET", "/1024.bin", { "If-None-Match": "*" }),
      hono: requestOf("GET", "/file/1024.bin", { "If-None-Match": '"1024"' }),
      stowage: requestOf("GET", `/api/v1/upload/${recordId}/file`, {
        ...authorization,
        "If-None-Match": etag(0),
      }),
    }),
  },
  download("GET 1 KiB", "req/s", () => KIB),
  download("GET 64 KiB", "req/s", () => 64 * KIB),
  download("GET large × 4", "MiB/s", ({ largeBytes }) => largeBytes, 4),
];

/** Requests that change nothing, over as many records as `--records` says. */
export const requestsSuite: Suite = {
  name: "requests",
  about: `limit: sockets of Node, answers that lie ready in memory; nginx: one worker, sendfile
hono: a bare Hono app on Node, routes that do nothing but answer; no keys, no records, no digests, no log`,
  scenarios: QUESTIONS.map(({ scenario }) => scenario),

  async run(wanted, options, report) {
    const scene = new Scene(options.folder);
    try {
      const parties = await start(scene, options, report);
      const known = await prepare(scene, options, report);
      const all = { ...parties, stowage: known.server };
      for (const question of QUESTIONS) {
        if (!wanted.has(question.scenario)) continue;
        await ask(question, all, known, options, report);
      }
    } finally {
      await scene.end();
    }
  },
};

type Parties = Readonly<Partial<Record<Party, ServerProcess>>> & { readonly files: string };

async function start(scene: Scene, { largeMib }: Options, report: Report): Promise<Parties> {
  const files = await scene.folder();
  for (const size of [KIB, 64 * KIB, largeMib * 2 ** 20]) {
    await writeFile(join(files, `${size}.bin`), new Uint8Array(size));
  }
  const missing = nginxMissing();
  if (missing !== null) report.note(`Without nginx: ${missing}`);
  const scratch = await scene.folder();
  return {
    files,
    raw: await scene.add(startServer("raw.ts", files)),
    hono: await scene.add(startServer("hono.ts", files)),
    ...(missing === null && { nginx: await scene.add(startNginx(files, scratch)) }),
  };
}

/** Stowage with its records and some files. */
async function prepare(
  scene: Scene,
  { records, largeMib }: Options,
  report: Report,
): Promise<Known & { readonly server: ServerProcess }> {
  const folder = await scene.folder();
  // The first start makes storage, database and key.
  await (await startServer("stowage.ts", folder)).stop();
  const startedAt = performance.now();
  const recordId = await seed(folder, records);
  const took = ((performance.now() - startedAt) / 1000).toFixed(1);
  report.note(`${records} records were made in ${took} s`);
  const server = await scene.add(startServer("stowage.ts", folder, STOWAGE_FLAGS));
  const authorization = { Authorization: `Bearer ${server.key}` };
  const call = async (path: string, init: RequestInit = {}) => {
    const url = `http://127.0.0.1:${server.port}/api/v1/upload${path}`;
    const answer = await fetch(url, { ...init, headers: authorization });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Record<string, string>;
  };
  const files = new Map<number, { readonly id: string; readonly etag: string }>();
  for (const size of [KIB, 64 * KIB, largeMib * 2 ** 20]) {
    const body = new Uint8Array(size);
    const { id = "", sha256 = "" } = await call("/bench.bin", { method: "PUT", body });
    files.set(size, { id, etag: `"${sha256}"` });
  }
  const { sha256 = "" } = await call(`/${recordId}`);
  files.set(0, { id: recordId, etag: `"${sha256}"` });
  let middle = "";
  for (let page = 0; page < records / 400; page += 1) {
    const cursor = middle === "" ? "" : `&cursor=${middle}`;
    middle = (await call(`?limit=200${cursor}`))["next_cursor"] ?? "";
  }
  return {
    server,
    authorization,
    recordId,
    middle,
    largeBytes: largeMib * 2 ** 20,
    fileId: (bytes) => files.get(bytes)?.id ?? "",
    etag: (bytes) => files.get(bytes)?.etag ?? "",
  };
}

async function ask(
  { scenario, unit, requests, status = 200, connections = CONNECTIONS }: Question,
  parties: Parties,
  known: Known,
  { rounds, seconds }: Options,
  report: Report,
): Promise<void> {
  const contenders = Object.entries(requests(known)).flatMap(([party, request]) => {
    const server = parties[party as Party];
    if (server === undefined) return [];
    const { port } = server;
    const asked: Load = { port, request, status, connections, seconds };
    return [{ name: NAMES[party as Party], server, turn: () => load(asked) }];
  });
  report.add(await compete({ scenario, unit, rounds, contenders }));
}
