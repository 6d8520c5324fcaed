import type { DigestAlgorithm } from "../digest.ts";

/** A digest in the making. Not reusable after `digest`. */
export interface Hash {
  update(bytes: Uint8Array): void;
  digest(): Uint8Array;
}

/** Starts a digest. Synchronous and incremental, so that bytes are hashed as they pass. */
export type Hasher = (algorithm: DigestAlgorithm) => Hash;
