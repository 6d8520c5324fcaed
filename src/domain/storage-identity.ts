import { StowageError } from "./errors.ts";
import { type ObjectKey, ownKey } from "./object-key.ts";

/** The key of the identity of a storage. Renaming or moving the storage does not change its identity. */
export const STORAGE_IDENTITY_KEY: ObjectKey = ownKey("storage.json");

/** The file has one short line. A longer file is not ours. */
export const STORAGE_IDENTITY_MAX_BYTES = 4096;

/** Also the version of a file without a `version`. */
const VERSION = 1;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Parse the content of {@link STORAGE_IDENTITY_KEY}.
 *
 * @param bytes `null` for a file longer than {@link STORAGE_IDENTITY_MAX_BYTES}.
 * @returns The UUID of the storage. Unknown fields are ignored.
 * @throws {StowageError} `storage_misconfigured`. The message says what is wrong with the file and what to do.
 */
export function parseStorageIdentity(bytes: Uint8Array | null): string {
  if (bytes === null) throw unusable(`it is longer than ${STORAGE_IDENTITY_MAX_BYTES} bytes`);
  if (bytes.byteLength === 0) throw unusable("it is empty");
  const { id, version = VERSION } = parseObject(new TextDecoder().decode(bytes));
  if (version !== VERSION) {
    throw unusable(
      `its version is ${JSON.stringify(version)}, but this release supports version ${VERSION}`,
      "install the release that wrote it, or a newer one",
    );
  }
  if (isStorageId(id)) return id;
  throw unusable("its id is not a UUID");
}

/** Whether `value` can be the id of a storage. */
export function isStorageId(value: unknown): value is string {
  return typeof value === "string" && UUID.test(value);
}

function parseObject(text: string): { readonly id?: unknown; readonly version?: unknown } {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === "object" && json !== null ? json : {};
  } catch {
    return {};
  }
}

/** The error for a storage whose identity file exists but cannot be used. */
function unusable(
  reason: string,
  advice = 'restore it from a backup, or write {"id": "UUID"} with the storage id that the records name',
): StowageError {
  return new StowageError(
    "storage_misconfigured",
    `Cannot identify storage: ${STORAGE_IDENTITY_KEY} cannot be used because ${reason} (${advice})`,
  );
}
