import { toHex } from "../../domain/bytes.ts";
import type { Hasher } from "../../domain/ports/hasher.ts";
import type { UploadDetails, UploadInput } from "./upload-input.ts";

/**
 * Identifies an upload request, without the bytes of its file: their digest is in the record.
 *
 * @returns Lower-case hexadecimal.
 */
export function fingerprintOf(
  { originalFilename, declaredType, via }: UploadInput,
  { autoProcess, metadata, expiresAt }: UploadDetails,
  hasher: Hasher,
): string {
  const facts = [via, originalFilename, declaredType ?? null, autoProcess, metadata, expiresAt];
  const hash = hasher("sha256");
  hash.update(new TextEncoder().encode(JSON.stringify(facts)));
  return toHex(hash.digest());
}
