import { readAtMost } from "../domain/bytes.ts";
import { isStowageError, StowageError } from "../domain/errors.ts";
import { type ObjectKey, ownKey } from "../domain/object-key.ts";
import type { Clock, RandomSource } from "../domain/ports/clock.ts";
import type { StorageDriver } from "../domain/ports/storage-driver.ts";
import { newUploadId } from "../domain/upload-id.ts";

/** Where a storage keeps its own name. Renaming or moving the storage does not change who it is. */
const IDENTITY_KEY: ObjectKey = ownKey("storage.json");

/** The file holds one short line; anything longer is not ours. */
const IDENTITY_LIMIT_BYTES = 4096;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Find out who a storage is: the UUID in its `.stowage/storage.json`, written at first use.
 *
 * Records hold this id, so a wrong folder or bucket is noticed before anything is looked up in it, and the
 * same storage is recognised under another path.
 *
 * @param knownId What {@link findStorageId} has found, or the id that the URI of a read-only storage names
 *   (`?id=`): nothing is written then.
 * @throws {StowageError} `storage_misconfigured` if the file is there and makes no sense; what the driver
 *   throws if the storage cannot be reached or written.
 */
export async function identifyStorage(
  driver: StorageDriver,
  parts: { readonly clock: Clock; readonly random: RandomSource },
  knownId: string | null = null,
): Promise<string> {
  const found = knownId ?? (await findStorageId(driver));
  if (found !== null) return checkId(found);
  const id = newUploadId(parts.clock.now(), parts.random);
  const createdAt = new Date(parts.clock.now()).toISOString();
  try {
    await driver.put(
      IDENTITY_KEY,
      {
        kind: "bytes",
        bytes: new TextEncoder().encode(`${JSON.stringify({ id, created_at: createdAt })}\n`),
      },
      { contentType: "application/json", ifNoneMatch: "*" },
    );
  } catch (error) {
    if (!isStowageError(error, "object_exists")) throw error;
  }
  // Read back: of two servers that start at once on a fresh storage one has won.
  return (await findStorageId(driver)) ?? id;
}

/**
 * Who a storage is, without making it anybody.
 *
 * @returns `null` for a storage that was never used.
 * @throws {StowageError} As {@link identifyStorage} does.
 */
export async function findStorageId(driver: Pick<StorageDriver, "get">): Promise<string | null> {
  try {
    const { stream } = await driver.get(IDENTITY_KEY);
    const bytes = await readAtMost(stream, IDENTITY_LIMIT_BYTES);
    const json: unknown = bytes === null ? null : parseJson(new TextDecoder().decode(bytes));
    return checkId((json as { id?: unknown } | null)?.id);
  } catch (error) {
    if (isStowageError(error, "object_not_found")) return null;
    throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function checkId(id: unknown): string {
  if (typeof id === "string" && UUID.test(id)) return id;
  throw new StowageError(
    "storage_misconfigured",
    `Cannot tell which storage this is: ${IDENTITY_KEY} does not hold a UUID (restore it from a backup, or from the storage_id of the records)`,
  );
}
