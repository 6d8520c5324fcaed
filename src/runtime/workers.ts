import memoryDriver from "../../drivers/memory.ts";
import s3Driver from "../../drivers/s3.ts";
import { InProcessExtractor } from "../adapters/extractor/in-process.ts";
import { createLogger } from "../adapters/log/logger.ts";
import { createApiKeyRecords } from "../adapters/records/api-keys.ts";
import { openD1 } from "../adapters/records/d1.ts";
import { requireSchema } from "../adapters/records/migrations.ts";
import { createTenantRecords } from "../adapters/records/tenants.ts";
import { createUploadRecords } from "../adapters/records/upload-records.ts";
import { loadConfig } from "../config.ts";
import { StowageError } from "../domain/errors.ts";
import type { Clock } from "../domain/ports/clock.ts";
import type { Host } from "../domain/ports/host.ts";
import { createStowage, type Stowage } from "../stowage.ts";
import { requireCredentials } from "./credentials.ts";

/** What wrangler.toml binds: the database, and settings as text. */
export interface WorkerEnv {
  readonly DB: D1Database;
  readonly [setting: string]: unknown;
}

const clock: Clock = { now: () => Date.now() };

let opening: Promise<Stowage> | null = null;

/**
 * The service on Cloudflare Workers, over D1. Files lie in a bucket, reached through S3; the R2 binding and
 * the Worker that processes are not built yet: this is their door. Documents are never parsed here.
 */
export default {
  async fetch(request, env) {
    // Once an isolate. One that failed is tried again with the next request.
    opening ??= open(env).catch((error: unknown) => {
      opening = null;
      throw error;
    });
    return await (await opening).fetch(request);
  },
} satisfies ExportedHandler<WorkerEnv>;

async function open(env: WorkerEnv): Promise<Stowage> {
  const settings = settingsOf(env);
  const config = loadConfig(settings, { runtime: "workers" });
  const logger = createLogger({
    level: config.log.level,
    format: "json",
    // Workers Logs collect what is written to the console.
    write: (line) => console.log(line),
  });
  const executor = openD1(env.DB);
  await requireSchema(executor);
  const keys = createApiKeyRecords(executor);
  await requireCredentials(config, keys, clock);
  return await createStowage(config, {
    ...{ clock, logger, keys, drivers: [memoryDriver, s3Driver] },
    host: workersHost(settings),
    records: createUploadRecords(executor, clock),
    tenants: createTenantRecords(executor, clock),
    extractor: new InProcessExtractor({ processors: [], concurrency: 1, logger }),
    random: (bytes) => crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>),
    fetch: (...args) => fetch(...args),
    isolatedRequests: true,
    // Written by Cloudflare itself, whatever the caller has sent.
    peerAddress: (_env, request) => request.headers.get("CF-Connecting-IP"),
  });
}

/** Variables and secrets, and nothing else: a Worker has neither files nor processes. */
function workersHost(env: Host["env"]): Host {
  return {
    env,
    readTextFile: async () => null,
    spawn() {
      throw new StowageError(
        "unsupported_option",
        "Cannot run a program: Workers have no processes",
      );
    },
  };
}

function settingsOf(env: WorkerEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
