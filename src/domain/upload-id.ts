/** The id of an upload: a UUIDv7 in lower case, so that ids sort by time. */
export type UploadId = string & { readonly __brand: "UploadId" };

const UPLOAD_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** @returns The id in lower case, or `null` if `text` is not a UUIDv7. */
export function findUploadId(text: string): UploadId | null {
  const lower = text.toLowerCase();
  return UPLOAD_ID.test(lower) ? (lower as UploadId) : null;
}

/**
 * Make a UUIDv7.
 *
 * @param nowMs Milliseconds since 1970, the first 48 bits.
 * @param random Fills ten bytes; 74 of their bits are used.
 * @see https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7
 */
export function newUploadId(nowMs: number, random: (bytes: Uint8Array) => Uint8Array): UploadId {
  const bytes = new Uint8Array(16);
  random(bytes.subarray(6));
  new DataView(bytes.buffer).setUint16(0, Math.floor(nowMs / 2 ** 32));
  new DataView(bytes.buffer).setUint32(2, nowMs >>> 0);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join("-") as UploadId;
}
