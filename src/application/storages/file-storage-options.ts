import type { ByteRange } from "../../domain/byte-range.ts";
import type { DigestClaim } from "../../domain/digest.ts";
import type { ObjectKey, ObjectRef } from "../../domain/object-key.ts";

/** An object, by the parts of its key or by the key itself. */
export type ObjectAddress = ObjectRef | ObjectKey;

export interface SaveOptions {
  /** The type that the client declared. Used if no type is detected in the bytes and they do not contradict it. */
  readonly declaredType?: string | undefined;
  readonly filename?: string | undefined;
  /** Accepted media types, `image/*` for all images. Default: any. */
  readonly allowedTypes?: readonly string[] | undefined;
  /** The longest body that is accepted. Default: the driver's own limit. */
  readonly limitBytes?: number | undefined;
  /** Digests that the client sent. */
  readonly digests?: readonly DigestClaim[] | undefined;
  /** Called as bytes arrive, and once at the end. */
  readonly onProgress?: ((ended: boolean) => void) | undefined;
  /** Called right before the driver is asked to store the body. If `save` fails without it, nothing was written. */
  readonly onPut?: (() => void) | undefined;
  /**
   * Called and awaited before the first part of a multipart upload is sent. Save the id: if this process dies,
   * `FileStorage.abortMultipart` needs it. If it rejects, nothing is kept.
   */
  readonly onMultipart?: ((multipartId: string) => Promise<void>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What was stored. */
export interface SavedFile {
  readonly key: ObjectKey;
  readonly sizeBytes: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  readonly contentType: string;
}

export interface ReadOptions {
  readonly range?: ByteRange | undefined;
  readonly signal?: AbortSignal | undefined;
}
