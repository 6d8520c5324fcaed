import { StowageError } from "../domain/errors.ts";
import type { Clock, RandomSource } from "../domain/ports/clock.ts";
import type { Hasher } from "../domain/ports/hasher.ts";
import type { Logger } from "../domain/ports/logger.ts";
import type { UploadRecords } from "../domain/ports/records.ts";
import type { Sniffer } from "../domain/ports/sniffer.ts";
import type { DriverContext, StorageDriver } from "../domain/ports/storage-driver.ts";
import type { StorageUsage } from "../domain/ports/upkeep-records.ts";
import { isStorageId } from "../domain/storage-identity.ts";
import type { StorageUri } from "../domain/storage-uri.ts";
import type { DriverRegistry } from "./driver-registry.ts";
import { FileStorage } from "./file-storage.ts";
import { findStorageId, identifyStorage } from "./storage-identity.ts";
import { wrapDriverError } from "./storage-probe.ts";
import { Storages } from "./storages.ts";

export interface OpenStoragesParts {
  readonly registry: DriverRegistry;
  /** What the driver of `uri` gets. */
  readonly context: (uri: StorageUri) => DriverContext;
  readonly records: Pick<UploadRecords, "storageUsage" | "dropStorage" | "noteStorage">;
  readonly hasher: Hasher;
  readonly sniffer: Sniffer;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly logger: Logger;
}

/** A storage that could be opened and asked who it is. */
interface OpenedStorage {
  readonly uri: StorageUri;
  readonly driver: StorageDriver;
  /** `null` for one that nobody has used yet. */
  readonly id: string | null;
  /** Whether the storage itself holds the id; otherwise only the URI names it (`?id=`). */
  readonly holdsId: boolean;
}

/** What keeps a storage from being used, as a sentence about it. */
interface Trouble {
  readonly text: string;
  readonly error: StowageError | null;
  /** Of the storage, which may well be the one that records name: nobody could ask it. */
  readonly display: string;
}

/**
 * Open the storages that are configured, and prove that no record lies anywhere else.
 *
 * Only the primary storage may be a new one. A fallback without an identity was never used: a mistyped path
 * or bucket, to be told and not to be made a storage of its own.
 *
 * @throws {StowageError} Before anything is written, naming every storage that cannot be used and how many
 *   uploads lie where nobody looks. The code is the first driver's, or `storage_misconfigured`.
 */
export async function openStorages(
  primary: StorageUri,
  fallbacks: readonly StorageUri[],
  parts: OpenStoragesParts,
): Promise<Storages> {
  const opened: OpenedStorage[] = [];
  const troubles: Trouble[] = [];
  try {
    for (const uri of fallbacks) await openOne(uri, true, parts, { opened, troubles });
    await openOne(primary, false, parts, { opened, troubles });
    const missing = await findMissing(opened, troubles, parts.records);
    refuse(troubles, missing.elsewhere);
    await forget(missing.inMemory, parts);
    const storages: FileStorage[] = [];
    for (const one of await dropTwins(opened)) storages.push(await toFileStorage(one, parts));
    for (const storage of storages) await parts.records.noteStorage(storage.id, storage.display);
    return new Storages(storages.at(-1) as FileStorage, storages.slice(0, -1));
  } catch (error) {
    await Promise.allSettled(opened.map(({ driver }) => driver.dispose?.()));
    throw error;
  }
}

async function openOne(
  uri: StorageUri,
  isFallback: boolean,
  parts: OpenStoragesParts,
  found: { readonly opened: OpenedStorage[]; readonly troubles: Trouble[] },
): Promise<void> {
  const named = uri.options["id"];
  const { display } = uri;
  const name = `${isFallback ? "FILE_STORAGE_FALLBACK" : "storage"} ${display}`;
  const trouble = (text: string) =>
    found.troubles.push({ text: `${name} ${text}`, error: null, display });
  if (named !== undefined && !isStorageId(named)) {
    trouble("cannot be used: its ?id= is not a UUID");
    return;
  }
  try {
    const context = { ...parts.context(uri), ...(isFallback && { existing: true }) };
    const driver = await parts.registry.open(uri, context);
    // Kept at once: whatever happens next, it is disposed of.
    const index = found.opened.push({ uri, driver, id: null, holdsId: false }) - 1;
    const id = await findStorageId(driver);
    if (named !== undefined && id !== null && id !== named) {
      trouble(`is storage ${id}, not the one that its ?id= names`);
    }
    found.opened[index] = { uri, driver, id: named ?? id, holdsId: id !== null };
    if (isFallback && (named ?? id) === null) {
      trouble("is no storage: nothing was ever stored there (correct it, or leave it out)");
    }
  } catch (cause) {
    const error = wrapDriverError(uri.scheme, "open storage", cause);
    found.troubles.push({ text: cannotBeUsed(name, error), error, display });
  }
}

function cannotBeUsed(name: string, error: StowageError): string {
  return `${name} cannot be used: ${error.message}`;
}

interface Missing {
  readonly elsewhere: readonly StorageUsage[];
  /** Lost with the process whose memory it was; no setting brings them back. */
  readonly inMemory: readonly StorageUsage[];
}

/** Uploads in a storage that is not at hand would be 503s later. */
async function findMissing(
  opened: readonly OpenedStorage[],
  troubles: readonly Trouble[],
  records: OpenStoragesParts["records"],
): Promise<Missing> {
  const known = new Set(opened.map(({ id }) => id));
  const silent = new Set(troubles.filter(({ error }) => error !== null).map((one) => one.display));
  const missing = (await records.storageUsage()).filter(
    // What is named, but does not answer, is one trouble and not two.
    ({ storageId, display }) => !known.has(storageId) && !silent.has(display),
  );
  const isMemory = ({ display }: StorageUsage) => display.startsWith("memory:");
  return {
    elsewhere: missing.filter((usage) => !isMemory(usage)),
    inMemory: missing.filter(isMemory),
  };
}

function refuse(troubles: readonly Trouble[], missing: readonly StorageUsage[]): void {
  const texts = troubles.map(({ text }) => text);
  if (missing.length > 0) {
    const places = missing.map(
      ({ storageId, display, uploads }) => `${uploads} in ${display} (storage ${storageId})`,
    );
    texts.push(
      `uploads lie in storages that are not at hand: ${places.join(", ")}; name them in FILE_STORAGE_FALLBACK, or correct FILE_STORAGE_TYPE, FILE_STORAGE_PATH or AWS_S3_BUCKET`,
    );
  }
  if (texts.length === 0) return;
  throw cannotStart(texts, troubles.find((trouble) => trouble.error !== null)?.error ?? null);
}

function cannotStart(texts: readonly string[], error: StowageError | null): StowageError {
  return new StowageError(
    error?.code ?? "storage_misconfigured",
    `Cannot start: ${texts.join("; ")}`,
    { cause: error?.cause, retryable: error?.retryable ?? false },
  );
}

async function forget(
  lost: readonly StorageUsage[],
  { records, logger }: OpenStoragesParts,
): Promise<void> {
  for (const { storageId } of lost) {
    const uploads = await records.dropStorage(storageId);
    logger.warn("storage.lost_with_memory", { storageId, uploads });
  }
}

/** One storage named twice is opened once, as what it is named last: the primary, if it is that. */
async function dropTwins(opened: readonly OpenedStorage[]): Promise<readonly OpenedStorage[]> {
  const isTwin = ({ id }: OpenedStorage, index: number) =>
    id !== null && opened.slice(index + 1).some((later) => later.id === id);
  for (const { driver } of opened.filter(isTwin)) await driver.dispose?.();
  return opened.filter((one, index) => !isTwin(one, index));
}

async function toFileStorage(
  opened: OpenedStorage,
  parts: OpenStoragesParts,
): Promise<FileStorage> {
  const { hasher, sniffer, clock, logger } = parts;
  const { driver, uri } = opened;
  const identify = () =>
    identifyStorage(driver, parts).catch((cause) => {
      const error = wrapDriverError(uri.scheme, "identify storage", cause);
      throw cannotStart([cannotBeUsed(`storage ${uri.display}`, error)], error);
    });
  const id = opened.id ?? (await identify());
  return new FileStorage({
    ...{ id, display: uri.display, driver, hasher, sniffer, clock, logger },
    holdsId: opened.holdsId || opened.id === null,
  });
}
