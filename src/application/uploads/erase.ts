import { derivedFolder, isOwnKey } from "../../domain/object-key.ts";
import type { Tombstone } from "../../domain/ports/upkeep-records.ts";
import type { Upload } from "../../domain/upload.ts";
import type { FileStorage } from "../storages/file-storage.ts";

/**
 * Remove all bytes of an upload: its file, its texts, and the leftovers of unfinished writes. Idempotent. It skips what
 * cannot exist: texts if processing never started, and unfinished texts if every job ended normally.
 *
 * @param now Milliseconds since 1970.
 */
export async function eraseBytes(storage: FileStorage, upload: Upload, now: number): Promise<void> {
  const { key, multipartId } = upload;
  // Unfinished writes first: if one completes just now, its object is found afterwards.
  if (multipartId !== null) await storage.abortMultipart(key, multipartId);
  if (upload.sha256 === null) await storage.removeLeftovers({ key });
  await storage.delete([key]);
  if (upload.processing.startedAt === null) return;
  const folder = derivedFolder(upload.tenant, upload.id);
  if (mayWriteTexts(upload, now)) await storage.removeLeftovers({ folder });
  await storage.deleteAll(`${folder}/`);
}

/** Whether a job is running, or was taken over from a worker that may still be alive. */
function mayWriteTexts({ processing }: Upload, now: number): boolean {
  const { startedAt, finishedAt, takenOverAt } = processing;
  if (startedAt !== null && finishedAt === null) return true;
  return takenOverAt !== null && takenOverAt > now - LATE_WRITER_MS;
}

const FIRST_CHECK_MS = 30_000;
const CHECKS_AT_ONCE = 16;

/** After this time no suspended writer is expected to write any more. */
export const LATE_WRITER_MS = 24 * 60 * 60 * 1000;

/**
 * The tombstone of an erased upload if a late write is possible: under the key of a file that was never committed, or
 * in the folder of its texts, where a job may still write although its result will be refused.
 */
export function tombstoneOf(upload: Upload, now: number): Tombstone | null {
  const { storageId, tenant, id, key, sha256 } = upload;
  if (sha256 === null) return tombstoneAt({ storageId, key }, now);
  if (!mayWriteTexts(upload, now)) return null;
  return tombstoneAt({ storageId, key: derivedFolder(tenant, id) }, now);
}

/** A tombstone for a late write within {@link LATE_WRITER_MS}. */
export function tombstoneAt(
  { storageId, key }: Pick<Tombstone, "storageId" | "key">,
  now: number,
): Tombstone {
  return { storageId, key, until: now + LATE_WRITER_MS };
}

/**
 * Whether a tombstone is due for a check, if the last check was at `before`: at the age of half a minute, then each
 * time its age has doubled, and once when it has expired. Most late writes come soon, and checks cost requests.
 */
export function isCheckDue({ until }: Tombstone, before: number, now: number): boolean {
  const step = (moment: number) => {
    const ageMs = moment - (until - LATE_WRITER_MS);
    return ageMs < FIRST_CHECK_MS ? 0 : 1 + Math.floor(Math.log2(ageMs / FIRST_CHECK_MS));
  };
  return until < now || step(now) > step(before);
}

/**
 * Remove late writes under these tombstones. Idempotent. Only existing objects are deleted: in a versioned bucket each
 * delete leaves a marker.
 */
export async function eraseLate(
  storage: FileStorage,
  tombstones: readonly Tombstone[],
): Promise<void> {
  const keys = tombstones.map(({ key }) => key);
  const files = keys.filter((key) => !isOwnKey(key));
  while (files.length > 0) {
    const some = files.splice(0, CHECKS_AT_ONCE);
    const there = await Promise.all(some.map((key) => storage.exists(key)));
    await storage.delete(some.filter((_, index) => there[index]));
  }
  for (const folder of keys.filter(isOwnKey)) await storage.deleteAll(`${folder}/`);
}
