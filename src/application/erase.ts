import { derivedPrefix } from "../domain/object-key.ts";
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
