import { derivedFolder, isOwnKey } from "../../domain/object-key.ts";
import type { Tombstone } from "../../domain/ports/upkeep-records.ts";
import type { Upload } from "../../domain/upload.ts";
import type { FileStorage } from "../storages/file-storage.ts";

/**
 * Remove all bytes of an upload: the file, what was derived from it, and what unfinished writes of either left.
 * Idempotent. What cannot be there is not looked for: texts where no processing was begun, and unfinished ones
 * where every job has ended by itself.
 *
 * @param now Milliseconds since 1970.
 */
export async function eraseBytes(storage: FileStorage, upload: Upload, now: number): Promise<void> {
  const { key, multipartId } = upload;
  // Unfinished writes first: what one of them completes at this moment is then found among the objects.
  if (multipartId !== null) await storage.abortMultipart(key, multipartId);
  if (upload.sha256 === null) await storage.removeLeftovers({ key });
  await storage.delete([key]);
  if (upload.processing.startedAt === null) return;
  const folder = derivedFolder(upload.tenant, upload.id);
  if (mayWriteTexts(upload, now)) await storage.removeLeftovers({ folder });
  await storage.deleteAll(`${folder}/`);
}

/** Whether one of its jobs is running, or was taken over from a worker that may still be alive. */
function mayWriteTexts({ processing }: Upload, now: number): boolean {
  const { startedAt, finishedAt, takenOverAt } = processing;
  if (startedAt !== null && finishedAt === null) return true;
  return takenOverAt !== null && takenOverAt > now - LATE_WRITER_MS;
}

const FIRST_LOOK_MS = 30_000;
const LOOKS_AT_ONCE = 16;

/** Nobody still writes to a key after this long, whatever was suspended. */
export const LATE_WRITER_MS = 24 * 60 * 60 * 1000;

/**
 * What an upload that is erased leaves behind where somebody may yet write: the file's key, if it was never
 * committed, or the folder of what is derived from it, where a job may still write its text, whatever the fence
 * makes of its result.
 */
export function tombstoneOf(upload: Upload, now: number): Tombstone | null {
  const { storageId, tenant, id, key, sha256 } = upload;
  if (sha256 === null) return tombstoneAt({ storageId, key }, now);
  if (!mayWriteTexts(upload, now)) return null;
  return tombstoneAt({ storageId, key: derivedFolder(tenant, id) }, now);
}

/** Somebody may write there from now on for {@link LATE_WRITER_MS}. */
export function tombstoneAt(
  { storageId, key }: Pick<Tombstone, "storageId" | "key">,
  now: number,
): Tombstone {
  return { storageId, key, until: now + LATE_WRITER_MS };
}

/**
 * Whether it is time to look at a tombstone again, having looked at `before`: when it is half a minute old, then
 * each time its age has doubled, and once it has run out. What comes late mostly comes soon, and looks cost.
 */
export function isLookDue({ until }: Tombstone, before: number, now: number): boolean {
  const step = (moment: number) => {
    const ageMs = moment - (until - LATE_WRITER_MS);
    return ageMs < FIRST_LOOK_MS ? 0 : 1 + Math.floor(Math.log2(ageMs / FIRST_LOOK_MS));
  };
  return until < now || step(now) > step(before);
}

/**
 * Remove what somebody has written late where {@link tombstoneOf} says. Idempotent. What is not there is not
 * deleted: in a versioned bucket each time would leave a marker.
 */
export async function eraseLate(
  storage: FileStorage,
  tombstones: readonly Tombstone[],
): Promise<void> {
  const keys = tombstones.map(({ key }) => key);
  const files = keys.filter((key) => !isOwnKey(key));
  while (files.length > 0) {
    const some = files.splice(0, LOOKS_AT_ONCE);
    const there = await Promise.all(some.map((key) => storage.exists(key)));
    await storage.delete(some.filter((_, index) => there[index]));
  }
  for (const folder of keys.filter(isOwnKey)) await storage.deleteAll(`${folder}/`);
}
