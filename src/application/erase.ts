import { derivedFolder, derivedPrefix, isOwnKey } from "../domain/object-key.ts";
import type { Tombstone } from "../domain/ports/upkeep-records.ts";
import type { Upload } from "../domain/upload.ts";
import type { FileStorage } from "./file-storage.ts";

/**
 * Remove all bytes of an upload: the file, what an unfinished write of it left, and what was derived from
 * it. Idempotent. Derived data is looked for only where processing was ever begun.
 */
export async function eraseBytes(storage: FileStorage, upload: Upload): Promise<void> {
  const { key, multipartId } = upload;
  // First: a writer that wakes up late can then complete nothing any more.
  if (multipartId !== null) await storage.abortMultipart(key, multipartId);
  await storage.delete([key]);
  if (upload.sha256 === null) await storage.removeLeftovers(key);
  if (upload.processing.startedAt !== null) {
    await storage.deleteAll(derivedPrefix(upload.tenant, upload.id));
  }
}

/** Nobody still writes to a key after this long, whatever was suspended. */
export const LATE_WRITER_MS = 24 * 60 * 60 * 1000;

/**
 * What an upload that is erased leaves behind where somebody may yet write: the file's key, if it was never
 * committed, or the folder of what is derived from it, where a job was running that still writes its text,
 * whatever the fence makes of its result.
 */
export function tombstoneOf(upload: Upload, now: number): Tombstone | null {
  const { storageId, tenant, id, key, sha256, processing } = upload;
  const until = now + LATE_WRITER_MS;
  if (sha256 === null) return { storageId, key, until };
  const { startedAt, finishedAt } = processing;
  const isRunning = startedAt !== null && finishedAt === null;
  return isRunning ? { storageId, key: derivedFolder(tenant, id), until } : null;
}

/** Remove what a writer that woke up late has put where {@link tombstoneOf} says. Idempotent. */
export async function eraseLate(
  storage: FileStorage,
  tombstones: readonly Tombstone[],
): Promise<void> {
  const keys = tombstones.map(({ key }) => key);
  await storage.delete(keys.filter((key) => !isOwnKey(key)));
  for (const folder of keys.filter(isOwnKey)) await storage.deleteAll(`${folder}/`);
}
