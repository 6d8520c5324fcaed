import { StowageError } from "./errors.ts";
import { type Filename, utf8Length } from "./filename.ts";
import type { TenantId } from "./tenant.ts";
import type { UploadId } from "./upload-id.ts";

/**
 * The key of an object, relative to the root of its storage (the folder, or the bucket and prefix, in the storage's
 * URI): segments joined by `/`. Always valid: no empty, `.` or `..` segment, no NUL, no lone surrogate, at most 1,024
 * bytes of UTF-8.
 */
export type ObjectKey = string & { readonly __brand: "ObjectKey" };

/** S3's limit, the smallest of the limits that matter. */
export const MAX_KEY_BYTES = 1024;

/** The folder for the service's own objects. No tenant id can name it. */
export const OWN_FOLDER = ".stowage";

/** The parts of an upload's key. */
export interface ObjectRef {
  readonly tenant: TenantId;
  readonly uploadId: UploadId;
  readonly filename: Filename;
}

/** `{tenant}/{upload}/{filename}`. All new keys are built here. No part contains a `/`, so keys never collide. */
export function buildObjectKey(ref: ObjectRef): ObjectKey {
  return parseObjectKey(`${ref.tenant}/${ref.uploadId}/${ref.filename}`);
}

/** The folder for everything derived from one upload. `uploadId` is our own id, also for adopted uploads. */
export function derivedFolder(tenant: TenantId, uploadId: UploadId): ObjectKey {
  return ownKey(`derived/${tenant}/${uploadId}`);
}

/** A key in {@link derivedFolder}. `name` never comes from a caller. */
export function derivedKey(tenant: TenantId, uploadId: UploadId, name: string): ObjectKey {
  return parseObjectKey(`${derivedFolder(tenant, uploadId)}/${name}`);
}

/** A key below `.stowage/`. `path` never comes from a caller. */
export function ownKey(path: string): ObjectKey {
  return parseObjectKey(`${OWN_FOLDER}/${path}`);
}

/** Whether a key is below `.stowage/`. */
export function isOwnKey(key: ObjectKey): boolean {
  return key.startsWith(`${OWN_FOLDER}/`);
}

/** @throws {StowageError} `invalid_key`. The message says what is wrong, without the key. */
export function parseObjectKey(text: string): ObjectKey {
  const problem = findKeyProblem(text);
  if (problem === null) return text as ObjectKey;
  throw new StowageError("invalid_key", `Cannot use object key: ${problem}`);
}

function findKeyProblem(text: string): string | null {
  if (text === "") return "it is empty";
  if (text.includes("\0")) return "it contains NUL";
  if (/\p{Cs}/u.test(text)) return "it is not well-formed Unicode";
  if (utf8Length(text) > MAX_KEY_BYTES) return `it is longer than ${MAX_KEY_BYTES} bytes`;
  for (const segment of text.split("/")) {
    if (segment === "") return "it has an empty segment";
    if (segment === "." || segment === "..") return "it has a dot segment";
  }
  return null;
}
