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
 * Give a new storage an identity: a UUID in its `.stowage/storage.json`.
 *
 * Records refer to this id. So a wrong folder or bucket is noticed before it is used, and the same storage is
 * recognized under another path.
 *
 * @returns The id of the storage. Another server may have set it first.
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
 * Read the identity of a storage. Writes nothing.
 *
 * @returns The UUID in its `.stowage/storage.json`; `null` for a storage that was never used.
 * @throws {StowageError} `storage_misconfigured` if the file exists but is invalid; what the driver throws if the
 *   storage cannot be read.
 */
export async function findStorageId(
  driver: Pick<StorageDriver, "get">,
  options: CallOptions = {},
): Promise<string | null> {
  const file = await readIdentityFile(driver, options);
  return file === null ? null : parseStorageIdentity(file.bytes);
}

/**
 * Read the file that {@link findStorageId} parses.
 *
 * @returns `null` if there is none; `bytes` is `null` if it is too long.
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
