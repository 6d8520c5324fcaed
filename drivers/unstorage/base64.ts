/** How unstorage itself marks bytes in drivers that keep strings only. */
const MARK = "base64:";
/** A multiple of 3, so that only the last block is padded; small enough for one call's arguments. */
const BLOCK_BYTES = 3072;

/** Ten times as fast as `btoa`, where the runtime has it. */
const buffer = (globalThis as { readonly Buffer?: typeof Buffer }).Buffer;

/** Bytes as `storage.setItemRaw` of unstorage writes them where a driver has no raw items. */
export function toBase64Item(bytes: Uint8Array): string {
  if (buffer !== undefined) {
    return MARK + buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
  }
  const blocks = [MARK];
  for (let start = 0; start < bytes.byteLength; start += BLOCK_BYTES) {
    blocks.push(btoa(String.fromCharCode(...bytes.subarray(start, start + BLOCK_BYTES))));
  }
  return blocks.join("");
}

/**
 * Bytes of what {@link toBase64Item} wrote; of any other text, its UTF-8. Characters outside base64 are an
 * error or lost: the digest of the object shows it.
 */
export function fromBase64Item(text: string): Uint8Array {
  if (!text.startsWith(MARK)) return new TextEncoder().encode(text);
  const base64 = text.slice(MARK.length);
  if (buffer !== undefined) return buffer.from(base64, "base64");
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
