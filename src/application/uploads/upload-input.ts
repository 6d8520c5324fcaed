import type { Body } from "../../domain/bytes.ts";
import type { DigestClaim } from "../../domain/digest.ts";
import type { TenantId } from "../../domain/tenant.ts";

/** What a caller may decide about an upload, known at the latest when its body has ended. */
export interface UploadDetails {
  /** Process on arrival; `null` leaves it to the configuration. */
  readonly autoProcess: boolean | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** When it is to be removed, milliseconds since 1970; `null`, or nothing, for never. */
  readonly expiresAt?: number | null;
  /** What the file is said to hash to, where that is known only now: SHA-256. */
  readonly digests?: readonly DigestClaim[];
}

export interface UploadInput {
  readonly tenant: TenantId;
  /** `key:…` or `jwt:…`. */
  readonly createdBy: string;
  /** As the client sent it: perhaps a whole path. */
  readonly originalFilename: string;
  readonly declaredType?: string | undefined;
  readonly body: Body;
  /** More than this will not come, where the length itself is not known. */
  readonly atMostBytes?: number | undefined;
  /** What the body is said to hash to. */
  readonly digests?: readonly DigestClaim[] | undefined;
  /** One upload of the tenant has this key: see `UploadRecords.reserve`. */
  readonly idempotencyKey?: string | undefined;
  /** The way it came, as far as that makes it another request. */
  readonly via?: "file" | "form";
  /**
   * Asked for once the body has been read: form fields may follow the file. If it rejects, nothing is kept.
   */
  details(): Promise<UploadDetails>;
  readonly signal?: AbortSignal | undefined;
}
