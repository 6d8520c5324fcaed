import type { S3Code } from "./errors.ts";
import type { Bucket } from "./store.ts";
import type { Target } from "./target.ts";

export const ACTIONS = [
  "ListBuckets",
  "CreateBucket",
  "HeadBucket",
  "DeleteBucket",
  "GetBucketLocation",
  "ListObjectsV2",
  "ListMultipartUploads",
  "DeleteObjects",
  "PutObject",
  "CopyObject",
  "GetObject",
  "HeadObject",
  "DeleteObject",
  "CreateMultipartUpload",
  "UploadPart",
  "ListParts",
  "CompleteMultipartUpload",
  "AbortMultipartUpload",
] as const;
export type Action = (typeof ACTIONS)[number];

/** One request as the server saw it; also its line in the log, which its end completes. */
export interface SeenRequest extends Target {
  /** Undefined while it is not known, and for what S3 does not have. */
  action: Action | undefined;
  readonly method: string;
  readonly headers: ReadonlyMap<string, string>;
  bucket: string | undefined;
  key: string | undefined;
  readonly partNumber: number | undefined;
  /** Bytes of the body that were read. */
  bodyBytes: number;
  status: number | undefined;
  code: string | undefined;
  /** `cut`: the server broke off by a fault's will. `aborted`: the client went away. */
  outcome: "open" | "answered" | "cut" | "aborted";
}

/** Holds something back until it is opened. */
export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

/** A stretch of bytes, a wait, or an end: `end` closes the connection properly, `reset` rudely. */
export type Step = Uint8Array | Gate | "end" | "reset";

export interface Reply {
  readonly status: number;
  /** Lower-case names. Without `content-length`, the body's length is sent, unless `framing` says otherwise. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly code?: S3Code | string;
  /** Before the head is sent. */
  readonly before?: Gate | "end" | "reset";
  /** Instead of `body`. */
  readonly steps?: readonly Step[];
  readonly framing?: "length" | "chunked" | "close";
}

/** A request that may be served: signature, permission and payload are right. */
export interface Call {
  readonly bucket: Bucket;
  readonly key: string;
  readonly query: ReadonlyMap<string, string>;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
  /** Milliseconds since 1970, by the service's clock. */
  readonly now: number;
  readonly region: string;
  readonly rules: ServiceRules;
  /** Why one key may not be deleted; undefined if it may. */
  readonly refuseDeletion: (key: string) => S3Code | undefined;
}

/** What differs between S3's providers and can be made small for quick tests. */
export interface ServiceRules {
  /** Every part but the last has so many bytes at least. */
  readonly minPartBytes: number;
  /** Of one PUT, be it object or part. */
  readonly maxPutBytes: number;
  /** Every part but the last has the same length, as R2 wants it. */
  readonly uniformParts: boolean;
  /** Writes take no conditions, as on B2. */
  readonly refusesConditions: boolean;
  readonly maxDeleteKeys: number;
  /** Objects, parts or uploads on one page of a list, at most. */
  readonly pageSize: number;
}

/** An answer without a body. */
export function empty(status: number, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers, body: new Uint8Array() };
}

export function xml(body: Uint8Array, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status: 200, headers: { "content-type": "application/xml", ...headers }, body };
}
