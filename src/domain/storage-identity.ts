import { StowageError } from "./errors.ts";
import { type ObjectKey, ownKey } from "./object-key.ts";

/** Where a storage keeps its identity. Renaming or moving the storage does not change it. */
export const STORAGE_IDENTITY_KEY: ObjectKey = ownKey("storage.json");

/** The file holds one short line; anything longer is not ours. */
export const STORAGE_IDENTITY_MAX_BYTES = 4096;

/** A file without a `version` is of this one. */
const VERSION = 1;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Read what {@link STORAGE_IDENTITY_KEY} holds.
 *
 * @param bytes `null` for a file longer than {@link STORAGE_IDENTITY_MAX_BYTES}.
 * @returns The UUID of the storage. Unknown fields are ignored.
 * @throws {StowageError} `storage_misconfigured`, saying what is wrong with the file and what to do.
 */
export function parseStorageIdentity(bytes: Uint8Array | null): string {
  if (bytes === null) throw unreadable(`it is longer than ${STORAGE_IDENTITY_MAX_BYTES} bytes`);
  if (bytes.byteLength === 0) throw unreadable("it is empty");
  const { id, version = VERSION } = parseObject(new TextDecoder().decode(bytes));
  if (version !== VERSION) {
    throw unreadable(
      `it is of version ${JSON.stringify(version)}, this release reads version ${VERSION}`,
      "install the release that wrote it, or a newer one",
    );
  }
  if (isStorageId(id)) return id;
  throw unreadable("it does not hold a UUID as its id");
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

/** The error for a storage whose identity file is there, but cannot be used. */
function unreadable(
  found: string,
  advice = 'restore it from a backup, or write {"id": "UUID"} with the storage id that the records name',
): StowageError {
  return new StowageError(
    "storage_misconfigured",
    `Cannot tell which storage this is: ${found} (${STORAGE_IDENTITY_KEY}; ${advice})`,
  );
}
