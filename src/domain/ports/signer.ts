/**
 * Signs short texts that callers carry for us, so that they cannot make or change them. A tag made for one
 * purpose is none for another.
 */
export interface Signer {
  /** @returns The tag: base64url, without padding. */
  sign(purpose: string, text: string): Promise<string>;
  /** Whether `tag` is the one that {@link Signer.sign} gives. Takes as long for a wrong one. */
  verify(purpose: string, text: string, tag: string): Promise<boolean>;
}
