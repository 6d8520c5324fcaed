import { createHmac } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createApiKey } from "../../src/adapters/auth/api-key.ts";
import { hasher } from "../../src/adapters/hasher.ts";
import { createApiKeyRecords } from "../../src/adapters/records/api-keys.ts";
import { migrate } from "../../src/adapters/records/migrations.ts";
import { openNodeSqlite } from "../../src/adapters/records/node-sqlite.ts";
import { SCOPES, type Scope } from "../../src/domain/principal.ts";
import { findTenantId } from "../../src/domain/tenant.ts";
import { ServerProcess } from "./server-process.ts";

const PROBE = new URL("memory-probe.ts", import.meta.url).href;
/** 2099: none of the tests will see it. */
const FAR = Date.UTC(2099, 0);

const MADE = [
  { name: "acme", tenant: "acme", scopes: SCOPES, expiresAt: FAR },
  { name: "reader", tenant: "acme", scopes: ["upload:read"], expiresAt: null },
  { name: "expired", tenant: "acme", scopes: SCOPES, expiresAt: 1 },
  { name: "revoked", tenant: "acme", scopes: SCOPES, expiresAt: null },
  { name: "other", tenant: "other", scopes: SCOPES, expiresAt: null },
  { name: "operator", tenant: null, scopes: [], expiresAt: null },
] as const;

/** API keys that differ from run to run in nothing, so that tables can name them. */
const API_KEYS = MADE.map(({ tenant, scopes, expiresAt, name }, index) =>
  createApiKey(
    {
      tenant: findTenantId(tenant),
      scopes: scopes as readonly Scope[],
      label: name,
      expiresAt,
    },
    (bytes) => bytes.fill(0xa1 + index),
    { now: () => 1 },
    hasher,
  ),
);

export const KEYS = Object.fromEntries(
  MADE.map(({ name }, index) => [name, API_KEYS[index]?.key ?? ""]),
) as Record<(typeof MADE)[number]["name"], string>;

export const JWT_SECRET = "q7Xw2Lr9ZtB4nVf8KdM1sYc6HgP3jUeA5oRi0TkWvNyE2xQz";
export const ISSUER = "https://issuer.test";
export const AUDIENCE = "stowage";

const CLAIMS = { tenant_id: "acme", scope: SCOPES.join(" "), iss: ISSUER, aud: AUDIENCE };

/** A JSON Web Token of acme, good for all but what the parameters change. */
export function signJwt(
  claims: Readonly<Record<string, unknown>> = {},
  header: Readonly<Record<string, unknown>> = {},
  secret = JWT_SECRET,
): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = [
    encode({ alg: "HS256", typ: "JWT", ...header }),
    encode({ ...CLAIMS, exp: FAR / 1000, ...claims }),
  ].join(".");
  const { alg = "HS256" } = header as { alg?: string };
  const hash = /^(HS|RS)(256|384|512)$/.exec(alg)?.[2] ?? "256";
  return `${signed}.${createHmac(`sha${hash}`, secret).update(signed).digest("base64url")}`;
}

/** What the other tenant keeps, and acme must never see. */
export const THEIRS = { name: "kanari-their-name.txt", text: "kanari-their-text" };
export const MINE = { name: "kanari-my-name.txt", text: "kanari-my-text, 0123456789 abcdef" };

/** What no answer, log line, command line or temp file may hold. */
export const SECRETS = [
  ...Object.values(KEYS),
  ...["kanari-aws-id", "kanari-aws-secret", "kanari-database", JWT_SECRET],
  ...[THEIRS.name, THEIRS.text],
];
/** What no log line may hold either: names and words of documents. */
export const CONTENT_SECRETS = ["kanari-my-", "kanari-their-", "kanari-name", "kanari-text"];

/** Files in a folder and below it, by their path from there. */
function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

export interface Row {
  readonly id: string;
  readonly tenant: string;
  readonly key: string;
  readonly status: string;
  readonly sha256: string | null;
}

/** A server to be abused: its own folder, callers of all kinds, an upload of acme's and one of another's. */
export class AbusedServer {
  readonly server: ServerProcess;
  readonly folder: string;
  readonly #database: DatabaseSync;
  ids = { mine: "", theirs: "" };

  private constructor(server: ServerProcess, folder: string) {
    this.server = server;
    this.folder = folder;
    this.#database = new DatabaseSync(databaseIn(folder), { readOnly: true });
  }

  /** @param onDone Called with what ends it and removes its folder. */
  static async start(
    onDone: (end: () => Promise<void>) => void,
    env: Readonly<Record<string, string>> = {},
  ): Promise<AbusedServer> {
    const parent = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
    const folder = mkdtempSync(join(parent, "stowage-abused-"));
    for (const name of ["kanari-database", "tmp"]) mkdirSync(join(folder, name));
    await makeKeys(folder);
    let end = async (): Promise<void> => {};
    onDone(async () => {
      await end();
      rmSync(folder, { recursive: true, force: true });
    });
    const server = await ServerProcess.start(
      {
        FILE_STORAGE_PATH: join(folder, "uploads"),
        DATABASE_URL: `sqlite:${databaseIn(folder)}`,
        TMPDIR: join(folder, "tmp"),
        NODE_OPTIONS: `--import=${PROBE}`,
        AWS_ACCESS_KEY_ID: "kanari-aws-id",
        AWS_SECRET_ACCESS_KEY: "kanari-aws-secret",
        AUTH_JWT_SECRET: JWT_SECRET,
        AUTH_JWT_ISSUER: ISSUER,
        AUTH_JWT_AUDIENCE: AUDIENCE,
        ...env,
      },
      [],
      (stop) => {
        end = stop;
      },
    );
    const abused = new AbusedServer(server, folder);
    const mine = await abused.put(KEYS.acme, MINE.name, MINE.text);
    const theirs = await abused.put(KEYS.other, THEIRS.name, THEIRS.text);
    abused.ids = { mine, theirs };
    return abused;
  }

  call(key: string, method: string, path: string, body: string | null = null): Promise<Response> {
    const headers = { Authorization: `Bearer ${key}`, Connection: "close" };
    return fetch(`${this.server.url}/api/v1${path}`, { method, headers, body });
  }

  /** @returns The id. */
  async put(key: string, name: string, text: string): Promise<string> {
    const answer = await this.call(key, "PUT", `/upload/${name}`, text);
    if (answer.status !== 201) throw new Error(await answer.text());
    return ((await answer.json()) as { id: string }).id;
  }

  /** Where the first page of a list ends. */
  async cursor(key: string): Promise<string> {
    const answer = await this.call(key, "GET", "/upload?limit=1");
    return ((await answer.json()) as { next_cursor: string }).next_cursor;
  }

  rows(): Row[] {
    const rows = this.#database.prepare("SELECT id, tenant, key, status, sha256 FROM uploads");
    return rows.all() as unknown as Row[];
  }

  /**
   * What lies about that belongs to no upload at rest, and what uploads lack. Empty once all is well.
   *
   * @param resting The statuses of rest.
   */
  leftovers(resting: readonly string[] = ["stored", "processed", "failed"]): string[] {
    const uploads = join(this.folder, "uploads");
    const rows = this.rows();
    const keys = new Set(rows.map(({ key }) => key));
    const files = filesIn(uploads);
    const stored = new Set(files.filter((file) => !file.startsWith(".stowage")));
    const ids = new Set(rows.map(({ id }) => id));
    const derived = filesIn(join(uploads, ".stowage", "derived")).filter(
      (file) => !file.split("/").some((part) => ids.has(part)),
    );
    const restless = rows.filter(({ status }) => !resting.includes(status));
    return [
      ...restless.map(({ id, status }) => `upload ${id} is ${status}`),
      ...[...keys].filter((key) => !stored.has(key)).map((key) => `no object ${key}`),
      ...[...stored].filter((file) => !keys.has(file)).map((file) => `no record of ${file}`),
      ...derived.map((file) => `derived from nothing: ${file}`),
      ...filesIn(join(uploads, ".stowage", "tmp")).map((file) => `temporary: ${file}`),
      ...filesIn(join(this.folder, "tmp")).map((file) => `in TMPDIR: ${file}`),
    ];
  }

  /** Descriptors that are open, by what they are. */
  descriptors(): string[] {
    const folder = `/proc/${this.server.child.pid}/fd`;
    return readdirSync(folder).flatMap((fd) => {
      try {
        return [readlinkSync(join(folder, fd))];
      } catch {
        // Closed in the meantime.
        return [];
      }
    });
  }

  /** What it holds in memory once all garbage is collected. */
  async heldBytes(): Promise<number> {
    const answered = this.server.nextLog("probe.memory");
    this.server.child.kill("SIGUSR2");
    return (await answered)["heldBytes"] as number;
  }

  /** Resident memory of the server now, garbage included. */
  residentBytes(): number {
    const status = readFileSync(`/proc/${this.server.child.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024;
  }

  /** The secrets that everyone on the machine can read: those in its command line, and in its children's. */
  commandLeaks(): string[] {
    const commands = familyOf(String(this.server.child.pid)).flatMap(commandLine).join("\n");
    const secrets = [...SECRETS, ...CONTENT_SECRETS];
    return secrets.filter((secret) => commands.includes(secret)).map((it) => `command: ${it}`);
  }

  /** The secrets that can be read where none should be: in the log, in command lines. */
  leaks(): string[] {
    const { log, unread } = this.server;
    const lines = [...log.map((entry) => JSON.stringify(entry)), ...unread];
    const reported = lines.filter((line) => !line.includes('"level":"debug"')).join("\n");
    return [
      ...SECRETS.filter((secret) => lines.join("\n").includes(secret)).map((it) => `log: ${it}`),
      ...CONTENT_SECRETS.filter((secret) => reported.includes(secret)).map((it) => `log: ${it}`),
      ...this.commandLeaks(),
      ...unread.map((line) => `not of the log: ${line}`),
    ];
  }
}

function databaseIn(folder: string): string {
  return join(folder, "kanari-database", "stowage.db");
}

async function makeKeys(folder: string): Promise<void> {
  const executor = await openNodeSqlite(databaseIn(folder));
  await migrate(executor);
  const records = createApiKeyRecords(executor);
  for (const { record } of API_KEYS) await records.insert(record);
  const revoked = API_KEYS.find(({ key }) => key === KEYS.revoked);
  await records.revoke(revoked?.record.id ?? "", 1);
  await executor.close();
}

/** A process and all that it has started, and these in turn. */
function familyOf(pid: string): string[] {
  const parents = readdirSync("/proc").flatMap((entry) => {
    const parent = /^\d+$/.test(entry) ? parentOf(entry) : null;
    return parent === null ? [] : [[entry, parent] as const];
  });
  const family = [pid];
  for (const member of family) {
    family.push(...parents.filter(([, parent]) => parent === member).map(([child]) => child));
  }
  return family;
}

function parentOf(pid: string): string | null {
  try {
    return /^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? null;
  } catch {
    // Ended in the meantime.
    return null;
  }
}

function commandLine(pid: string): string[] {
  try {
    return [readFileSync(`/proc/${pid}/cmdline`, "utf8")];
  } catch {
    return [];
  }
}
