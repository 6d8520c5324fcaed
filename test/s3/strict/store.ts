import { createHash } from "node:crypto";

export interface StoredObject {
  readonly key: string;
  readonly body: Uint8Array;
  /** Without quotes. */
  readonly etag: string;
  /** Milliseconds since 1970, whole seconds: what HTTP can say. */
  readonly modifiedAt: number;
  /** What GET and HEAD echo: content type, metadata, encryption. Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface Part {
  readonly number: number;
  readonly body: Uint8Array;
  /** Without quotes. */
  readonly etag: string;
  readonly modifiedAt: number;
}

export interface Upload {
  readonly id: string;
  readonly key: string;
  readonly startedAt: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly parts: Map<number, Part>;
}

export interface Bucket {
  readonly name: string;
  readonly createdAt: number;
  readonly objects: Map<string, StoredObject>;
  readonly uploads: Map<string, Upload>;
  /** A bucket policy that denies puts without `x-amz-server-side-encryption`. */
  readonly denyUnencrypted: boolean;
}

export function md5Hex(...pieces: readonly Uint8Array[]): string {
  const hash = createHash("md5");
  for (const piece of pieces) hash.update(piece);
  return hash.digest("hex");
}

/** S3 orders keys by their bytes, which is not how JavaScript compares strings. */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
