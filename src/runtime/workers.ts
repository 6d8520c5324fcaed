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
import type { Clock, RandomSource } from "../domain/ports/clock.ts";
import type { Host } from "../domain/ports/host.ts";
import { createStowage, type Stowage } from "../stowage.ts";
import { requireCredentials } from "./credentials.ts";

/** The bindings in wrangler.toml: the database, and settings as text. */
export interface WorkerEnv {
  readonly DB: D1Database;
  readonly [setting: string]: unknown;
}

const clock: Clock = { now: () => Date.now() };

const random: RandomSource = (bytes) => crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);

/** The built-in drivers on Workers. */
const DRIVERS = [memoryDriver, s3Driver];

let opening: Promise<Stowage> | null = null;

/**
 * The service on Cloudflare Workers, with records in D1 and files in a bucket that speaks S3. Documents are never
 * parsed here: neither the R2 binding nor a Worker that processes documents exists yet.
 */
export default {
  async fetch(request, env) {
    // Open once per isolate. If that fails, the next request tries again.
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
    // Workers Logs collect the output of the console.
    write: (line) => console.log(line),
  });
  const executor = openD1(env.DB);
  await requireSchema(executor);
  const keys = createApiKeyRecords(executor);
  await requireCredentials(config, keys, clock);
  return await createStowage(config, {
    drivers: DRIVERS,
    logger,
    clock,
    random,
    host: workersHost(settings),
    fetch: (...args) => fetch(...args),
    records: createUploadRecords(executor, clock),
    keys,
    tenants: createTenantRecords(executor, clock),
    extractor: new InProcessExtractor({ processors: [], concurrency: 1, logger }),
    isolatedRequests: true,
    // Cloudflare sets this header and replaces whatever the caller sent.
    peerAddress: (_env, request) => request.headers.get("CF-Connecting-IP"),
  });
}

/** Only variables and secrets: a Worker has neither files nor processes. */
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
