import type { Body } from "../../domain/bytes.ts";
import type { DigestClaim } from "../../domain/digest.ts";
import type { TenantId } from "../../domain/tenant.ts";
import type { TenantLimits } from "../../domain/tenant-limits.ts";

/** What a caller decides about an upload. Known when its body has ended, or before. */
export interface UploadDetails {
  /** Whether to process it on arrival; `null`: as configured. */
  readonly autoProcess: boolean | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** When it expires, in milliseconds since 1970; `null` or `undefined` for never. */
  readonly expiresAt?: number | null | undefined;
  /** SHA-256 digests that the client sent after the file. */
  readonly digests?: readonly DigestClaim[] | undefined;
}

export interface UploadInput {
  readonly tenant: TenantId;
  /** The limits of the tenant, if you have read them already for this request. */
  readonly limits?: TenantLimits | undefined;
  /** `key:…` or `jwt:…`. */
  readonly createdBy: string;
  /** As the client sent it. May be a whole path. */
  readonly originalFilename: string;
  readonly declaredType?: string | undefined;
  readonly body: Body;
  /** An upper bound, if the length itself is unknown. */
  readonly atMostBytes?: number | undefined;
  /** Digests of the body that the client sent. */
  readonly digests?: readonly DigestClaim[] | undefined;
  /** Identifies the request, so that it can be repeated: see `UploadRecords.reserve`. */
  readonly idempotencyKey?: string | undefined;
  /** How the file was sent. A form and a plain body are different requests. */
  readonly via?: "file" | "form" | undefined;
  /**
   * Called after the body was read, because form fields may follow the file. If it rejects, nothing is kept.
   */
  details(): Promise<UploadDetails>;
  readonly signal?: AbortSignal | undefined;
}
