import { toHex } from "../../domain/bytes.ts";
import type { Hasher } from "../../domain/ports/hasher.ts";
import type { UploadDetails, UploadInput } from "./upload-input.ts";

/**
 * What tells one upload request from another, but for the bytes of its file, whose digest the record has.
 *
 * @returns Lower-case hexadecimal.
 */
export function fingerprintOf(
  { originalFilename, declaredType, via }: UploadInput,
  { autoProcess, metadata, expiresAt }: UploadDetails,
  hasher: Hasher,
): string {
  const said = [via, originalFilename, declaredType ?? null, autoProcess, metadata, expiresAt];
  const hash = hasher("sha256");
  hash.update(new TextEncoder().encode(JSON.stringify(said)));
  return toHex(hash.digest());
}
