import { base64url } from "jose";
import type { Signer } from "../../domain/ports/signer.ts";

/** A fresh secret is so long: as long as the hash (RFC 2104, 3). */
export const SIGNING_SECRET_BYTES = 32;

/** `CryptoKey`, whose name is another in each runtime's types. */
type Key = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

const HMAC = { name: "HMAC", hash: "SHA-256" };

/**
 * HMAC-SHA-256 by WebCrypto, which every runtime has.
 *
 * @param secret Any text that cannot be guessed.
 */
export function createSigner(secret: string): Signer {
  const encoder = new TextEncoder();
  let key: Promise<Key> | null = null;
  const loadKey = (): Promise<Key> => {
    key ??= crypto.subtle.importKey("raw", encoder.encode(secret), HMAC, false, ["sign", "verify"]);
    return key;
  };
  // Two texts never look like one: the purpose, which is ours, holds no NUL.
  const bytesOf = (purpose: string, text: string) => encoder.encode(`${purpose}\0${text}`);
  return {
    async sign(purpose, text) {
      const tag = await crypto.subtle.sign("HMAC", await loadKey(), bytesOf(purpose, text));
      return base64url.encode(new Uint8Array(tag));
    },
    async verify(purpose, text, tag) {
      const bytes = findBase64Url(tag);
      if (bytes === null) return false;
      return await crypto.subtle.verify("HMAC", await loadKey(), bytes, bytesOf(purpose, text));
    },
  };
}

/** `null` for anything but the one spelling of some bytes. */
function findBase64Url(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    const bytes = new Uint8Array(base64url.decode(text));
    return base64url.encode(bytes) === text ? bytes : null;
  } catch {
    return null;
  }
}
