import { throwIfAborted } from "../../domain/cancellation.ts";
import { type ErrorCode, StowageError } from "../../domain/errors.ts";
import type { DriverContext, StorageDriver } from "../../domain/ports/storage-driver.ts";
import { isStorageId } from "../../domain/storage-identity.ts";
import type { StorageUri } from "../../domain/storage-uri.ts";
import type { DriverRegistry } from "./driver-registry.ts";
import { findStorageId } from "./storage-identity.ts";
import { wrapDriverError } from "./storage-probe.ts";
import { withTimeout } from "./with-timeout.ts";

export interface OpenStorageDeps {
  readonly registry: DriverRegistry;
  /** The context for the driver of `uri`. */
  readonly context: (uri: StorageUri) => DriverContext;
}

/** An open storage and its identity. */
export interface OpenedStorage {
  readonly uri: StorageUri;
  readonly driver: StorageDriver;
  /** `null`: the storage was never used. */
  readonly id: string | null;
  /** Whether the storage itself holds the id; otherwise only the URI names it (`?id=`). */
  readonly holdsId: boolean;
}

/**
 * The result of opening a storage:
 * - `away`: it is unreachable. The settings may be right, and it may come back.
 * - `absent`: the place is reachable but empty. It was never used, or its disk is not mounted.
 * - `wrong`: the settings, or the data at that place, must be corrected.
 */
export type Opening = { readonly kind: "opened"; readonly storage: OpenedStorage } | Unopened;

export interface Unopened {
  readonly kind: "away" | "absent" | "wrong";
  readonly error: StowageError;
}

const UNREACHED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "storage_unavailable",
  "storage_timeout",
]);

/** How long start-up waits for a fallback. */
const FALLBACK_TIMEOUT_MS = 10_000;

/** Open the storage for new uploads. It may be a new one. */
export async function openPrimary(uri: StorageUri, deps: OpenStorageDeps): Promise<Opening> {
  return await toOpening(uri, open(uri, deps.context(uri), deps));
}

/** Open a storage that is only read from. One that was never used is `absent`. */
export async function openFallback(uri: StorageUri, deps: OpenStorageDeps): Promise<Opening> {
  const context = { ...deps.context(uri), existing: true };
  const opening = withTimeout(FALLBACK_TIMEOUT_MS, "open storage", (signal) =>
    open(uri, context, deps, signal),
  );
  return await toOpening(uri, opening);
}

async function open(
  uri: StorageUri,
  context: DriverContext,
  deps: OpenStorageDeps,
  signal?: AbortSignal,
): Promise<OpenedStorage> {
  const named = uri.options["id"] ?? null;
  if (named !== null && !isStorageId(named)) throw misconfigured("its ?id= is not a UUID");
  const driver = await deps.registry.open(uri, context);
  try {
    const found = await findStorageId(driver, signal === undefined ? {} : { signal });
    // The caller has stopped waiting, so the driver is disposed of here.
    throwIfAborted(signal);
    if (named !== null && found !== null && found !== named) {
      throw misconfigured(`it is storage ${found}, which differs from its ?id=`);
    }
    const id = named ?? found;
    if (id === null && context.existing === true) {
      const state = "nothing was ever stored there (correct the setting, or remove it)";
      throw misconfigured(state, { retryable: true });
    }
    return { uri, driver, id, holdsId: found !== null };
  } catch (error) {
    await Promise.allSettled([driver.dispose?.()]);
    throw error;
  }
}

async function toOpening(uri: StorageUri, opening: Promise<OpenedStorage>): Promise<Opening> {
  try {
    return { kind: "opened", storage: await opening };
  } catch (cause) {
    const error = wrapDriverError(uri.scheme, "open storage", cause);
    return { kind: kindOf(error), error };
  }
}

/** An empty place is `storage_misconfigured` but retryable: a disk may be mounted there later. */
function kindOf({ code, retryable }: StowageError): Unopened["kind"] {
  if (UNREACHED.has(code)) return "away";
  return code === "storage_misconfigured" && retryable ? "absent" : "wrong";
}

function misconfigured(state: string, options: { readonly retryable?: boolean } = {}) {
  return new StowageError("storage_misconfigured", `Cannot open storage: ${state}`, options);
}
