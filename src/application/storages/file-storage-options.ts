import type { ByteRange } from "../../domain/byte-range.ts";
import type { DigestClaim } from "../../domain/digest.ts";
import type { ObjectKey, ObjectRef } from "../../domain/object-key.ts";

/** An object by what makes its key, or by the key that a record holds verbatim. */
export type ObjectAddress = ObjectRef | ObjectKey;

export interface SaveOptions {
  /** What the client says it is; counts where the bytes say nothing, neither for it nor against it. */
  readonly declaredType?: string | undefined;
  readonly filename?: string | undefined;
  /** Media types that are accepted, `image/*` for all images; without it, any. */
  readonly allowedTypes?: readonly string[];
  /** The longest body that is accepted; without it, the driver's own limit. */
  readonly limitBytes?: number;
  /** What the client says that it hashes to. */
  readonly digests?: readonly DigestClaim[] | undefined;
  /** Called as bytes flow, and once when they have all come. */
  readonly onProgress?: (ended: boolean) => void;
  /**
   * Called and awaited with the id of a multipart upload, where the put needs one, before its first part is
   * sent: what `FileStorage.abortMultipart` takes if this process dies. If it rejects, nothing is kept.
   */
  readonly onMultipart?: (multipartId: string) => Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/** What was stored, as found out while the bytes passed. */
export interface SavedFile {
  readonly key: ObjectKey;
  readonly sizeBytes: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  readonly contentType: string;
}

export interface ReadOptions {
  readonly range?: ByteRange;
  readonly signal?: AbortSignal | undefined;
}
