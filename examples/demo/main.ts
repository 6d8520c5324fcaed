/**
 * The main job from end to end, on a server of its own: `npm run demo`.
 *
 * Starts Stowage on a free port with a temporary folder and database, uploads a PDF and a DOCX, has them
 * processed, shows what was found, processes one again, downloads and compares, deletes, and cleans up.
 */
import { createHash, randomUUID } from "node:crypto";
import { openAsBlob } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ConfigError, loadConfig } from "../../src/config.ts";
import { createStowage, isStowageError, SILENT } from "../../src/node.ts";
import { serve } from "../../src/runtime/node.ts";

const HELP = `Usage: npm run demo -- [--storage local|memory|s3] [--keep]

  --storage   where the files are kept (default: local)
  --keep      leave everything in place

With --storage s3 the bucket and the keys come from the environment, as they do for the server:
  AWS_S3_BUCKET, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, and where needed AWS_REGION, AWS_ENDPOINT_URL_S3
The demo works under a prefix of its own and empties it again.
`;

interface Upload {
  readonly id: string;
  readonly filename: string;
  readonly size: number;
  readonly sha256: string;
  readonly content_type: string;
  readonly status: string;
  readonly processing: { readonly error: { readonly detail: string } | null };
}

interface Result {
  readonly processors: readonly {
    readonly name: string;
    readonly output: Readonly<Record<string, unknown>> & { readonly text?: string };
    readonly duration_ms: number;
  }[];
}

/** How long a document may take before the demo calls it stuck. */
const PATIENCE_MS = 60_000;

/** Ctrl-C: what the demo has stored is removed before it ends. A second one ends it at once. */
class Interrupted extends Error {}
const interrupt = new AbortController();
process.once("SIGINT", () => interrupt.abort(new Interrupted("Interrupted")));

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      storage: { type: "string", default: "local" },
      keep: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return print(HELP);
  const folder = join(tmpdir(), `stowage-demo-${randomUUID()}`);
  const env = {
    ...ofStorage(process.env),
    FILE_STORAGE_TYPE: values.storage,
    FILE_STORAGE_PATH: values.storage === "local" ? join(folder, "uploads") : basename(folder),
    DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
    PORT: "0",
    LOG_LEVEL: "warn",
  };
  const config = loadConfig(env);
  const server = await serve(config, {
    out: () => {},
    err: (text) => process.stderr.write(text),
    isTerminal: false,
  });
  try {
    interrupt.signal.throwIfAborted();
    const key = (await readFile(join(folder, "first-api-key"), "utf8")).trim();
    print(`Stowage listens on ${server.url} and keeps files in ${values.storage} storage`);
    await tour(new Client(`${server.url}/api/v1`, key));
  } finally {
    await server.close();
    if (values.keep) {
      print(`\nEverything is left in ${folder} and ${config.storage.primary.display}`);
    } else {
      if (values.storage !== "local") await emptyStorage(env);
      await rm(folder, { recursive: true, force: true });
    }
  }
  print(`
What to try next:
  npm start                     serve on http://127.0.0.1:8000 and get a key and a curl line
  npm run stowage -- --help     the command line
  npm test                      the tests
  README.md                     the routes, the settings, a driver of your own`);
}

/** Of the environment only what says how to reach a storage: the demo has its own settings otherwise. */
function ofStorage(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => /^(AWS_|UNSTORAGE_|STOWAGE_DRIVERS$|HOME$)/.test(name)),
  );
}

/** Removes everything from a bucket, also the identity that the storage was given. A local folder goes as a whole. */
async function emptyStorage(env: NodeJS.ProcessEnv): Promise<void> {
  const stowage = await createStowage({ env, logger: SILENT });
  try {
    for (const prefix of ["", ".stowage/"]) await stowage.storages.primary.deleteAll(prefix);
  } finally {
    await stowage.close();
  }
}

async function tour(client: Client): Promise<void> {
  for (const name of ["resume.pdf", "letter.docx"]) {
    heading(`Upload ${name}`);
    const path = fileURLToPath(new URL(name, import.meta.url));
    const sent = await readFile(path);
    const created = await client.upload(path, name);
    print(`  POST /upload           201, status ${created.status}`);
    const processed = await client.atRest(created.id);
    print(`  GET /upload/{id}       status ${processed.status}, ${processed.content_type}`);
    print(`  sha256                 ${processed.sha256}`);
    check(processed.status === "processed", processed.processing.error?.detail ?? "not processed");
    await showText(client, created.id);

    const again = await client.json<Upload>("POST", `/upload/${created.id}/reprocess`);
    print(`  POST …/reprocess       202, status ${again.status}`);
    check((await client.atRest(created.id)).status === "processed", "not processed again");

    const got = Buffer.from(await (await client.call("GET", `/upload/${created.id}/file`)).bytes());
    check(got.equals(sent), "the download differs from what was sent");
    check(createHash("sha256").update(got).digest("hex") === created.sha256, "the digest is wrong");
    print(`  GET …/file             ${got.length} bytes, the same as were sent`);

    await client.call("DELETE", `/upload/${created.id}`);
    const gone = await client.call("GET", `/upload/${created.id}`, { expect: 404 });
    print(`  DELETE /upload/{id}    204, and ${gone.status} from now on`);
  }
}

async function showText(client: Client, id: string): Promise<void> {
  const result = await client.json<Result>("GET", `/upload/${id}/result`);
  for (const { name, output, duration_ms } of result.processors) {
    const { text = "", ...facts } = output;
    print(`  GET …/result           ${name}: ${JSON.stringify(facts)} in ${duration_ms} ms`);
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    for (const line of lines.slice(0, 4)) print(`    │ ${line}`);
  }
}

/** The few calls that the tour makes. */
class Client {
  readonly #base: string;
  readonly #key: string;

  constructor(base: string, key: string) {
    this.#base = base;
    this.#key = key;
  }

  async upload(path: string, name: string): Promise<Upload> {
    const form = new FormData();
    form.append("file", await openAsBlob(path), name);
    form.append("auto_process", "true");
    return (await (await this.call("POST", "/upload", { body: form })).json()) as Upload;
  }

  /** Wait until nothing more is to be done for an upload. */
  async atRest(id: string): Promise<Upload> {
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end; ) {
      const upload = await this.json<Upload>("GET", `/upload/${id}`);
      if (!["queued", "processing"].includes(upload.status)) return upload;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error("The document is still being processed");
  }

  async json<Body>(method: string, path: string): Promise<Body> {
    return (await (await this.call(method, path)).json()) as Body;
  }

  async call(
    method: string,
    path: string,
    options: { readonly body?: FormData; readonly expect?: number } = {},
  ): Promise<Response> {
    const response = await fetch(this.#base + path, {
      method,
      headers: { authorization: `Bearer ${this.#key}` },
      body: options.body ?? null,
      signal: interrupt.signal,
    });
    const fine = options.expect === undefined ? response.ok : response.status === options.expect;
    if (!fine) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response;
  }
}

function check(condition: boolean, problem: string): void {
  if (!condition) throw new Error(`The demo failed: ${problem}`);
}

function heading(text: string): void {
  print(`\n${text}`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

// The reader of the output may stop (`npm run demo | head`): the demo still cleans up.
process.stdout.on("error", () => {});
await main().catch((error: unknown) => {
  // A setting that is missing needs words, not a stack.
  if (!isStowageError(error) && !(error instanceof Interrupted)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = error instanceof ConfigError ? 2 : 1;
});
