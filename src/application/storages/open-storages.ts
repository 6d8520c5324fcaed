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
  type OpenStorageParts,
  openFallback,
  openPrimary,
  type Unopened,
} from "./open-storage.ts";
import { identifyStorage } from "./storage-identity.ts";
import { wrapDriverError } from "./storage-probe.ts";
import { Storages } from "./storages.ts";

export interface OpenStoragesParts extends OpenStorageParts {
  readonly records: Pick<UploadRecords, "storageUsage" | "dropStorage" | "noteStorage">;
  readonly hasher: Hasher;
  readonly sniffer: Sniffer;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly logger: Logger;
}

/** A storage of the settings, and what became of opening it. */
interface Configured {
  readonly uri: StorageUri;
  readonly isFallback: boolean;
  readonly opening: Opening;
}

type NotOpened = Configured & { readonly opening: Unopened };

/**
 * Open the storages that are configured, and prove that no record lies anywhere else.
 *
 * Only the primary storage may be a new one. A fallback without an identity was never used: it is a mistyped path or
 * bucket, which is reported and does not become a storage of its own.
 *
 * A fallback that cannot be reached does not stop the start: it is tried again later, see {@link AwayStorage}. Nor
 * does a place without a storage where the records know uploads: its disk is not mounted.
 *
 * @throws {StowageError} Before anything is written, naming every storage that cannot be used and how many
 *   uploads lie where no setting points to. The code is that of the first storage which has to be corrected, or
 *   `storage_misconfigured`.
 */
export async function openStorages(
  primary: StorageUri,
  fallbacks: readonly StorageUri[],
  parts: OpenStoragesParts,
): Promise<Storages> {
  const configured = await openAll(primary, fallbacks, parts);
  const opened = configured.flatMap(({ opening }) =>
    opening.kind === "opened" ? [opening.storage] : [],
  );
  try {
    const missing = findMissing(configured, await parts.records.storageUsage());
    refuse(configured, missing);
    await forget(missing.filter(isMemory), parts);
    const storages: FileStorage[] = [];
    for (const one of await dropTwins(opened)) storages.push(await join(one, parts));
    const away = configured.filter(isUnopened).map((one) => toAway(one, missing, parts));
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
  parts: OpenStorageParts,
): Promise<readonly Configured[]> {
  return await Promise.all([
    ...fallbacks.map(async (uri) => ({
      ...{ uri, isFallback: true },
      opening: await openFallback(uri, parts),
    })),
    openPrimary(primary, parts).then((opening) => ({ uri: primary, isFallback: false, opening })),
  ]);
}

/** Storages that hold uploads, but were not opened and are not named by a `?id=` either. */
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

/** What the records know by this URI, and is in no other storage. */
function expectedAt({ uri }: Configured, missing: readonly StorageUsage[]): StorageUsage[] {
  return missing.filter((usage) => usage.display === uri.display && !isMemory(usage));
}

/** Lost with the process whose memory it was; no setting brings it back. */
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
  // What is named, but cannot be asked, is one trouble and not two.
  const named = new Set(unopened.map(({ uri }) => uri.display));
  const elsewhere = missing.filter((usage) => !isMemory(usage) && !named.has(usage.display));
  if (faults.length === 0 && elsewhere.length === 0) return;
  const texts = unopened.map((one) => cannotBeUsed(one, expectedAt(one, missing)));
  if (elsewhere.length > 0) {
    texts.push(
      `uploads lie in storages that are not at hand: ${elsewhere.map(toPlace).join(", ")}; name them in FILE_STORAGE_FALLBACK, or correct FILE_STORAGE_TYPE, FILE_STORAGE_PATH or AWS_S3_BUCKET`,
    );
  }
  throw cannotStart(texts, faults[0]?.opening.error ?? null);
}

function toPlace({ storageId, display, uploads }: StorageUsage): string {
  return `${uploads} in ${display} (storage ${storageId})`;
}

/** @param expected For an operator who has to restore the identity of a storage. */
function cannotBeUsed(one: NotOpened, expected: readonly StorageUsage[]): string {
  const name = `${one.isFallback ? "FILE_STORAGE_FALLBACK" : "storage"} ${one.uri.display}`;
  const known = expected.map(({ storageId, uploads }) => `${uploads} in storage ${storageId}`);
  const uploads = known.length === 0 ? "" : `; uploads that lie there: ${known.join(", ")}`;
  return `${name} cannot be used: ${one.opening.error.message}${uploads}`;
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

/** Make it a storage that the service can use, and note where it lies. */
async function join(opened: OpenedStorage, parts: OpenStoragesParts): Promise<FileStorage> {
  const { records, hasher, sniffer, clock, logger } = parts;
  const { driver, uri } = opened;
  const id = opened.id ?? (await identify(opened, parts));
  const storage = new FileStorage({
    ...{ id, display: uri.display, driver, hasher, sniffer, clock, logger },
    holdsId: opened.holdsId || opened.id === null,
  });
  await records.noteStorage(id, uri.display);
  return storage;
}

async function identify({ driver, uri }: OpenedStorage, parts: OpenStoragesParts): Promise<string> {
  try {
    return await identifyStorage(driver, parts);
  } catch (cause) {
    const error = wrapDriverError(uri.scheme, "identify storage", cause);
    const opening = { kind: "wrong" as const, error };
    throw cannotStart([cannotBeUsed({ uri, isFallback: false, opening }, [])], error);
  }
}

function toAway(
  one: NotOpened,
  missing: readonly StorageUsage[],
  parts: OpenStoragesParts,
): AwayStorage {
  return new AwayStorage(one.uri, expectedAt(one, missing), one.opening, {
    ...{ clock: parts.clock, logger: parts.logger },
    open: (uri) => openFallback(uri, parts),
    join: (opened) => join(opened, parts),
  });
}
