import { type Logger, StowageError } from "../../src/driver.ts";
import type { UnstorageDriver } from "./unstorage-driver.ts";

const LONGEST_REDIAL_MS = 250;

/** Drivers of unstorage that cannot keep what a storage promises. */
const UNFIT: Readonly<Record<string, string>> = {
  "azure-storage-blob": "it takes every failed read for a missing object",
  "cloudflare-kv-binding": "a read may be a minute behind a write",
  "cloudflare-kv-http": "a read may be a minute behind a write",
  "cloudflare-r2-binding": "it lists no more than 1,000 items",
  "lru-cache": "it forgets objects",
  null: "it keeps nothing",
  overlay: "its layers cannot be named in a URI",
  s3: "it lists no more than 1,000 items (use s3://bucket)",
  "vercel-blob": "everybody can read what it keeps",
  "vercel-runtime-cache": "it forgets objects",
};

/**
 * Load and make one of unstorage's own drivers.
 *
 * @throws {StowageError} `storage_misconfigured`: unknown, unfit, its package is missing, or it refuses its
 *   options.
 */
export async function openBuiltIn(
  name: string,
  options: Readonly<Record<string, unknown>>,
  { logger, timeoutMs }: { readonly logger: Logger; readonly timeoutMs: number },
): Promise<UnstorageDriver> {
  const { builtinDrivers } = await import("unstorage");
  const modules: Readonly<Record<string, string>> = builtinDrivers;
  const path = Object.hasOwn(modules, name) ? modules[name] : undefined;
  if (path === undefined) {
    throw refuse(
      `unstorage has no driver "${name}" (it has memory, fs, redis, mongodb and others)`,
    );
  }
  const canonical = path.slice(path.lastIndexOf("/") + 1);
  const unfit = Object.hasOwn(UNFIT, canonical) ? UNFIT[canonical] : undefined;
  if (unfit !== undefined) throw refuse(`its driver ${canonical} is not fit for files: ${unfit}`);
  const make = await load(canonical, path);
  try {
    const driver = make({ ...defaultsOf(canonical, timeoutMs), ...options });
    if (canonical === "redis") quieten(driver, logger);
    return driver;
  } catch (cause) {
    // Of the driver's own making and about option names; a library's message may quote their values.
    const message = cause instanceof Error ? cause.message : "";
    const said = /^\[unstorage\] \[[\w-]+\] (Missing .*[^.])\.?$/.exec(message)?.[1];
    throw refuse(`its driver ${canonical} refuses its options${said ? `: ${said}` : ""}`, cause);
  }
}

type MakeDriver = (options: Readonly<Record<string, unknown>>) => UnstorageDriver;

async function load(name: string, path: string): Promise<MakeDriver> {
  try {
    return ((await import(path)) as { readonly default: MakeDriver }).default;
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : "";
    const missing = /(?:package|module) ['"]((?:@[\w.-]+\/)?[\w.-]+)/.exec(message)?.[1];
    const advice =
      missing === undefined ? `see https://unstorage.unjs.io/drivers/${name}` : `npm i ${missing}`;
    throw refuse(`the package that its driver ${name} needs is not installed (${advice})`, cause);
  }
}

/** What a service needs and a script does not; options of the URI come after them. */
function defaultsOf(name: string, timeoutMs: number): Readonly<Record<string, unknown>> {
  switch (name) {
    case "fs":
      // It would list nothing below a folder named node_modules.
      return { ignore: [] };
    case "redis":
      return {
        lazyConnect: true,
        // ioredis lets a call wait for four dials, at last two seconds apart: ours wait a second at most.
        maxRetriesPerRequest: 3,
        retryStrategy: (attempt: number) => Math.min(attempt * 50, LONGEST_REDIAL_MS),
        // A server that is silent is given up, and dialled anew.
        socketTimeout: timeoutMs,
      };
    default:
      return {};
  }
}

/** ioredis prints every failed attempt to connect unless there is a listener. The waiting calls fail too. */
function quieten(driver: UnstorageDriver, logger: Logger): void {
  const client = driver.getInstance?.() as
    | { on?(event: "error", listener: (error: unknown) => void): void }
    | undefined;
  client?.on?.("error", (error) => logger.debug("storage.connection_failed", { error }));
}

function refuse(found: string, cause?: unknown): StowageError {
  return new StowageError("storage_misconfigured", `Cannot open unstorage storage: ${found}`, {
    cause,
  });
}
