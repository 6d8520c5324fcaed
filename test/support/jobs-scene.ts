import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished } from "vitest";
import type { SeenRequest } from "../s3/strict/call.ts";
import { type StrictS3, startStrictS3 } from "../s3/strict-server.ts";
import { ApiClient } from "./api-client.ts";
import { s3Settings } from "./s3-app.ts";
import { ServerProcess } from "./server-process.ts";
import { tempFolder } from "./temp-folder.ts";

/** One message of an upload's history. */
export interface HistoryEntry {
  readonly status: string;
  readonly attempts: number;
  readonly error: { readonly code: string; readonly retryable: boolean } | null;
}

const PATIENCE = { timeout: 60_000, interval: 50 };

/**
 * Several server processes over one database and one S3 in this process, which can hold every step of a job:
 * it reads its document from there, and stores its text there.
 */
export class JobsScene {
  readonly s3: StrictS3;
  readonly bucket: string;
  readonly #folder: string;
  readonly #env: Readonly<Record<string, string>>;

  private constructor(s3: StrictS3, bucket: string, folder: string, env: Record<string, string>) {
    this.s3 = s3;
    this.bucket = bucket;
    this.#folder = folder;
    this.#env = { ...s3Settings(s3, bucket), DATABASE_URL: `sqlite:${join(folder, "db")}`, ...env };
  }

  /** @param env Beside the storage and the database; one document at once, unless it says otherwise. */
  static async open(env: Record<string, string>): Promise<JobsScene> {
    const s3 = await startStrictS3();
    onTestFinished(() => s3.stop());
    const one = { PROCESSING_CONCURRENCY: "1" };
    return new JobsScene(s3, await s3.makeBucket(), tempFolder(), { ...one, ...env });
  }

  async start(): Promise<{ readonly server: ServerProcess; readonly api: ApiClient }> {
    const server = await ServerProcess.start(this.#env);
    const key = readFileSync(join(this.#folder, "first-api-key"), "utf8").trim();
    return { server, api: new ApiClient(server.url, key) };
  }

  /** Whether a request is about the file of an upload, of this one if it is given. */
  readonly isFile = ({ key = "" }: SeenRequest, id = ""): boolean =>
    key.startsWith("uploads/default/") && key.includes(id);

  /** Whether a request is about an extracted text. */
  readonly isText = ({ key = "" }: SeenRequest): boolean =>
    key.startsWith("uploads/.stowage/derived/");

  /** The names of all texts, as the service calls them: `text-3.txt`. */
  texts(): string[] {
    const keys = this.s3.objects(this.bucket).map(({ key }) => key);
    const own = keys.filter((key) => key.startsWith("uploads/.stowage/derived/"));
    return own.map((key) => key.slice(key.lastIndexOf("/") + 1));
  }

  /** Do something over a connection of its own. */
  inDatabase<Result>(work: (db: DatabaseSync) => Result): Result {
    const db = new DatabaseSync(join(this.#folder, "db"));
    try {
      return work(db);
    } finally {
      db.close();
    }
  }

  /** No one else writes from now on. @returns How to let them. */
  lockDatabase(): () => void {
    const db = new DatabaseSync(join(this.#folder, "db"));
    db.exec("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE");
    return () => db.close();
  }

  async settled(api: ApiClient, id: string): Promise<string> {
    const status = async () => (await api.get(id)).status;
    await expect.poll(status, PATIENCE).toMatch(/^(processed|failed)$/);
    return await status();
  }

  /** What has happened to an upload at rest. */
  async history(api: ApiClient, id: string): Promise<HistoryEntry[]> {
    const body = await (await api.send("GET", `/${id}/events`)).text();
    return [...body.matchAll(/^data: (.*)$/gm)].map(([, json = ""]) => JSON.parse(json));
  }

  /** The same in short: `processing 1`. */
  async steps(api: ApiClient, id: string): Promise<string[]> {
    const history = await this.history(api, id);
    return history.map(({ status, attempts }) => `${status} ${attempts}`);
  }
}
