/**
 * Signs short texts that callers store for us, so that they cannot forge or change them. A tag is valid for one purpose
 * only.
 */
export interface Signer {
  /** @returns The tag: base64url, without padding. */
  sign(purpose: string, text: string): Promise<string>;
  /** Whether `tag` is the result of {@link Signer.sign}. Constant time. */
  verify(purpose: string, text: string, tag: string): Promise<boolean>;
}
