import { readAtMost } from "../../domain/bytes.ts";
import { isStowageError } from "../../domain/errors.ts";
import type { Clock, RandomSource } from "../../domain/ports/clock.ts";
import type { CallOptions, StorageDriver } from "../../domain/ports/storage-driver.ts";
import {
  parseStorageIdentity,
  STORAGE_IDENTITY_KEY,
  STORAGE_IDENTITY_MAX_BYTES,
} from "../../domain/storage-identity.ts";
import { newUploadId } from "../../domain/upload-id.ts";

/**
 * Give a storage that was never used an identity: a UUID in its `.stowage/storage.json`.
 *
 * Records hold this id, so a wrong folder or bucket is noticed before anything is looked up in it, and the
 * same storage is recognised under another path.
 *
 * @returns The id that the storage has now: another server may have been first.
 * @throws {StowageError} What the driver throws if the storage cannot be written.
 */
export async function identifyStorage(
  driver: StorageDriver,
  parts: { readonly clock: Clock; readonly random: RandomSource },
): Promise<string> {
  const id = newUploadId(parts.clock.now(), parts.random);
  const createdAt = new Date(parts.clock.now()).toISOString();
  try {
    await driver.put(
      STORAGE_IDENTITY_KEY,
      {
        kind: "bytes",
        bytes: new TextEncoder().encode(`${JSON.stringify({ id, created_at: createdAt })}\n`),
      },
      { contentType: "application/json", ifNoneMatch: "*" },
    );
  } catch (error) {
    if (!isStowageError(error, "object_exists")) throw error;
  }
  return (await findStorageId(driver)) ?? id;
}

/**
 * Find out which storage this is. Nothing is written.
 *
 * @returns The UUID in its `.stowage/storage.json`; `null` for a storage that was never used.
 * @throws {StowageError} `storage_misconfigured` if the file is there and cannot be used; what the driver
 *   throws if the storage cannot be reached or read.
 */
export async function findStorageId(
  driver: Pick<StorageDriver, "get">,
  options: CallOptions = {},
): Promise<string | null> {
  const file = await readIdentityFile(driver, options);
  return file === null ? null : parseStorageIdentity(file.bytes);
}

/**
 * Read the file that {@link findStorageId} understands.
 *
 * @returns `null` if there is none; `bytes` is `null` where it is too long to be one.
 */
export async function readIdentityFile(
  driver: Pick<StorageDriver, "get">,
  options: CallOptions = {},
): Promise<{ readonly bytes: Uint8Array | null } | null> {
  try {
    const { stream } = await driver.get(STORAGE_IDENTITY_KEY, options);
    return { bytes: await readAtMost(stream, STORAGE_IDENTITY_MAX_BYTES) };
  } catch (error) {
    if (isStowageError(error, "object_not_found")) return null;
    throw error;
  }
}
