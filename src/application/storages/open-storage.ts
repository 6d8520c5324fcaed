import { throwIfAborted } from "../../domain/cancellation.ts";
import { type ErrorCode, StowageError } from "../../domain/errors.ts";
import type { DriverContext, StorageDriver } from "../../domain/ports/storage-driver.ts";
import { isStorageId } from "../../domain/storage-identity.ts";
import type { StorageUri } from "../../domain/storage-uri.ts";
import type { DriverRegistry } from "./driver-registry.ts";
import { findStorageId } from "./storage-identity.ts";
import { wrapDriverError } from "./storage-probe.ts";
import { withTimeout } from "./with-timeout.ts";

export interface OpenStorageParts {
  readonly registry: DriverRegistry;
  /** What the driver of `uri` gets. */
  readonly context: (uri: StorageUri) => DriverContext;
}

/** A storage that was opened, and its identity looked for. */
export interface OpenedStorage {
  readonly uri: StorageUri;
  readonly driver: StorageDriver;
  /** `null` for one that was never used. */
  readonly id: string | null;
  /** Whether the storage itself holds the id; otherwise only the URI names it (`?id=`). */
  readonly holdsId: boolean;
}

/**
 * What became of opening a storage:
 * - `away`: it cannot be reached now. The settings may be right, and it may come back.
 * - `absent`: the place can be reached, and no storage is there. It never was, or its disk is not mounted.
 * - `wrong`: the settings have to be corrected, or what lies there.
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

/** So long a start waits for a fallback that does not answer. */
const FALLBACK_ANSWERS_WITHIN_MS = 10_000;

/** Open the storage that takes new uploads; it may be one that was never used. */
export async function openPrimary(uri: StorageUri, parts: OpenStorageParts): Promise<Opening> {
  return await toOpening(uri, open(uri, parts.context(uri), parts));
}

/** Open a storage that uploads are still read from. One that was never used is `absent`. */
export async function openFallback(uri: StorageUri, parts: OpenStorageParts): Promise<Opening> {
  const context = { ...parts.context(uri), existing: true };
  const opening = withTimeout(FALLBACK_ANSWERS_WITHIN_MS, "open storage", (signal) =>
    open(uri, context, parts, signal),
  );
  return await toOpening(uri, opening);
}

async function open(
  uri: StorageUri,
  context: DriverContext,
  parts: OpenStorageParts,
  signal?: AbortSignal,
): Promise<OpenedStorage> {
  const named = uri.options["id"] ?? null;
  if (named !== null && !isStorageId(named)) throw misconfigured("its ?id= is not a UUID");
  const driver = await parts.registry.open(uri, context);
  try {
    const found = await findStorageId(driver, signal === undefined ? {} : { signal });
    // The caller has stopped waiting, so the driver is disposed of here.
    throwIfAborted(signal);
    if (named !== null && found !== null && found !== named) {
      throw misconfigured(`it is storage ${found}, not the one that its ?id= names`);
    }
    const id = named ?? found;
    if (id === null && context.existing === true) {
      const state = "nothing was ever stored there (correct the setting, or leave it out)";
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

/** A place without a storage is `storage_misconfigured`, but may become one by itself: by a mount. */
function kindOf({ code, retryable }: StowageError): Unopened["kind"] {
  if (UNREACHED.has(code)) return "away";
  return code === "storage_misconfigured" && retryable ? "absent" : "wrong";
}

function misconfigured(state: string, options: { readonly retryable?: boolean } = {}) {
  return new StowageError("storage_misconfigured", `Cannot open storage: ${state}`, options);
}
