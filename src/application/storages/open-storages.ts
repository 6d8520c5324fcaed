import { StowageError } from "../../domain/errors.ts";
import type { Clock, RandomSource } from "../../domain/ports/clock.ts";
import type { Hasher } from "../../domain/ports/hasher.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import type { UploadRecords } from "../../domain/ports/records.ts";
import type { Sniffer } from "../../domain/ports/sniffer.ts";
import type { StorageUsage } from "../../domain/ports/upkeep-records.ts";
import type { StorageUri } from "../../domain/storage-uri.ts";
import { AwayStorage } from "./away-storage.ts";
import { FileStorage } from "./file-storage.ts";
import {
  type OpenedStorage,
  type Opening,
  type OpenStorageDeps,
  openFallback,
  openPrimary,
  type Unopened,
} from "./open-storage.ts";
import { identifyStorage } from "./storage-identity.ts";
import { wrapDriverError } from "./storage-probe.ts";
import { Storages } from "./storages.ts";

export interface OpenStoragesDeps extends OpenStorageDeps {
  readonly records: Pick<UploadRecords, "storageUsage" | "dropStorage" | "noteStorage">;
  readonly hasher: Hasher;
  readonly sniffer: Sniffer;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly logger: Logger;
}

/** A configured storage, and the result of opening it. */
interface Configured {
  readonly uri: StorageUri;
  readonly isFallback: boolean;
  readonly opening: Opening;
}

type NotOpened = Configured & { readonly opening: Unopened };

/**
 * Open the configured storages, and make sure that every record refers to one of them.
 *
 * Only the primary storage may be new. A fallback without an identity was never used: its path or bucket is mistyped,
 * so it is reported and not initialized.
 *
 * An unreachable fallback does not stop start-up; it is tried again later, see {@link AwayStorage}. The same applies
 * to an empty place where the records know uploads: its disk is not mounted.
 *
 * @throws {StowageError} Before anything is written. Names every storage that cannot be used, and how many uploads
 *   are in storages that are not configured. The code is that of the first storage to correct, or
 *   `storage_misconfigured`.
 */
export async function openStorages(
  primary: StorageUri,
  fallbacks: readonly StorageUri[],
  deps: OpenStoragesDeps,
): Promise<Storages> {
  const configured = await openAll(primary, fallbacks, deps);
  const opened = configured.flatMap(({ opening }) =>
    opening.kind === "opened" ? [opening.storage] : [],
  );
  try {
    const missing = findMissing(configured, await deps.records.storageUsage());
    refuse(configured, missing);
    await forget(missing.filter(isMemory), deps);
    const storages: FileStorage[] = [];
    for (const one of await dropDuplicates(opened)) storages.push(await join(one, deps));
    const away = configured.filter(isUnopened).map((one) => toAway(one, missing, deps));
    return new Storages(storages.at(-1) as FileStorage, storages.slice(0, -1), away);
  } catch (error) {
    await Promise.allSettled(opened.map(({ driver }) => driver.dispose?.()));
    throw error;
  }
}

/** @returns The primary storage last. */
async function openAll(
  primary: StorageUri,
  fallbacks: readonly StorageUri[],
  deps: OpenStorageDeps,
): Promise<readonly Configured[]> {
  return await Promise.all([
    ...fallbacks.map(async (uri) => ({
      uri,
      isFallback: true,
      opening: await openFallback(uri, deps),
    })),
    openPrimary(primary, deps).then((opening) => ({ uri: primary, isFallback: false, opening })),
  ]);
}

/** Storages that hold uploads but were neither opened nor named by a `?id=`. */
function findMissing(
  configured: readonly Configured[],
  usage: readonly StorageUsage[],
): readonly StorageUsage[] {
  const known = new Set(
    configured.flatMap(({ uri, opening }) => [
      uri.options["id"],
      opening.kind === "opened" ? opening.storage.id : null,
    ]),
  );
  return usage.filter(({ storageId }) => !known.has(storageId));
}

/** The storages that the records know by this URI and that were not opened elsewhere. */
function expectedAt({ uri }: Configured, missing: readonly StorageUsage[]): StorageUsage[] {
  return missing.filter((usage) => usage.display === uri.display && !isMemory(usage));
}

/** A memory storage is lost with its process. */
function isMemory({ display }: StorageUsage): boolean {
  return display.startsWith("memory:");
}

function isUnopened(one: Configured): one is NotOpened {
  return one.opening.kind !== "opened";
}

function mayComeLater(one: NotOpened, missing: readonly StorageUsage[]): boolean {
  const { kind } = one.opening;
  const isKnown = expectedAt(one, missing).length > 0;
  return one.isFallback && (kind === "away" || (kind === "absent" && isKnown));
}

function refuse(configured: readonly Configured[], missing: readonly StorageUsage[]): void {
  const unopened = configured.filter(isUnopened);
  const faults = unopened.filter((one) => !mayComeLater(one, missing));
  // Report a configured storage that cannot be opened once, not also as missing.
  const named = new Set(unopened.map(({ uri }) => uri.display));
  const elsewhere = missing.filter((usage) => !isMemory(usage) && !named.has(usage.display));
  if (faults.length === 0 && elsewhere.length === 0) return;
  const texts = unopened.map((one) => cannotBeUsed(one, expectedAt(one, missing)));
  if (elsewhere.length > 0) {
    texts.push(
      `there are uploads in storages that are not configured: ${elsewhere.map(toPlace).join(", ")}; add them to FILE_STORAGE_FALLBACK, or correct FILE_STORAGE_TYPE, FILE_STORAGE_PATH or AWS_S3_BUCKET`,
    );
  }
  throw cannotStart(texts, faults[0]?.opening.error ?? null);
}

function toPlace({ storageId, display, uploads }: StorageUsage): string {
  return `${uploads} in ${display} (storage ${storageId})`;
}

/** @param expected Helps an operator to restore the identity of a storage. */
function cannotBeUsed(one: NotOpened, expected: readonly StorageUsage[]): string {
  const name = `${one.isFallback ? "FILE_STORAGE_FALLBACK" : "storage"} ${one.uri.display}`;
  const known = expected.map(({ storageId, uploads }) => `${uploads} in storage ${storageId}`);
  const uploads = known.length === 0 ? "" : `; uploads stored there: ${known.join(", ")}`;
  const { message, advice } = one.opening.error;
  const more = advice === undefined ? "" : `; ${advice}`;
  return `${name} cannot be used: ${message}${uploads}${more}`;
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
  { records, logger }: OpenStoragesDeps,
): Promise<void> {
  for (const { storageId } of lost) {
    const uploads = await records.dropStorage(storageId);
    logger.warn("storage.lost_with_memory", { storageId, uploads });
  }
}

/** If a storage is configured twice, keep the last one, which is the primary if it is among them. */
async function dropDuplicates(opened: readonly OpenedStorage[]): Promise<readonly OpenedStorage[]> {
  const isDuplicate = ({ id }: OpenedStorage, index: number) =>
    id !== null && opened.slice(index + 1).some((later) => later.id === id);
  for (const { driver } of opened.filter(isDuplicate)) await driver.dispose?.();
  return opened.filter((one, index) => !isDuplicate(one, index));
}

/** Make the storage available to the service, and record its URI. */
async function join(opened: OpenedStorage, deps: OpenStoragesDeps): Promise<FileStorage> {
  const { records, hasher, sniffer, clock, logger } = deps;
  const { driver, uri } = opened;
  const id = opened.id ?? (await identify(opened, deps));
  const storage = new FileStorage({
    id,
    display: uri.display,
    driver,
    hasher,
    sniffer,
    clock,
    logger,
    holdsId: opened.holdsId || opened.id === null,
  });
  await records.noteStorage(id, uri.display);
  return storage;
}

async function identify({ driver, uri }: OpenedStorage, deps: OpenStoragesDeps): Promise<string> {
  try {
    return await identifyStorage(driver, deps);
  } catch (cause) {
    const error = wrapDriverError(uri.scheme, "identify storage", cause);
    const opening = { kind: "wrong" as const, error };
    throw cannotStart([cannotBeUsed({ uri, isFallback: false, opening }, [])], error);
  }
}

function toAway(
  one: NotOpened,
  missing: readonly StorageUsage[],
  deps: OpenStoragesDeps,
): AwayStorage {
  return new AwayStorage(one.opening, {
    uri: one.uri,
    expected: expectedAt(one, missing),
    clock: deps.clock,
    logger: deps.logger,
    open: (uri) => openFallback(uri, deps),
    join: (opened) => join(opened, deps),
  });
}
