import { bodySize, openBody } from "../../domain/bytes.ts";
import { verifyDigests } from "../../domain/digest.ts";
import { isStowageError, StowageError } from "../../domain/errors.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { Hasher } from "../../domain/ports/hasher.ts";
import type { IdempotencyRecord, UploadRecords } from "../../domain/ports/records.ts";
import type { Sniffer } from "../../domain/ports/sniffer.ts";
import type { Upload } from "../../domain/upload.ts";
import { IncomingBody } from "./incoming-body.ts";
import { fingerprintOf } from "./request-fingerprint.ts";
import type { UploadDetails, UploadInput } from "./upload-input.ts";
import type { UploadService } from "./upload-service.ts";

/** An upload, and whether an earlier request has made it. */
export interface UploadResult {
  readonly upload: Upload;
  readonly replayed: boolean;
}

/** Clients give up over more, and leases are renewed meanwhile. */
const MAX_RETRY_AFTER_SECONDS = 60;

/** What the bytes look like is known from the first time. */
const NO_SNIFFER: Sniffer = {
  headBytes: 0,
  sniff: async () => null,
  mayBe: () => true,
  isText: () => false,
};

/**
 * Takes uploads that may be sent twice: a client that got no answer sends its request again under the same
 * `Idempotency-Key`, and is answered with the upload that the first one has made.
 *
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 */
export class IdempotentUploads {
  readonly #uploads: Pick<UploadService, "upload">;
  readonly #records: Pick<UploadRecords, "findIdempotencyRecord">;
  readonly #hasher: Hasher;
  readonly #clock: Clock;

  constructor(parts: {
    readonly uploads: Pick<UploadService, "upload">;
    readonly records: Pick<UploadRecords, "findIdempotencyRecord">;
    readonly hasher: Hasher;
    readonly clock: Clock;
  }) {
    this.#uploads = parts.uploads;
    this.#records = parts.records;
    this.#hasher = parts.hasher;
    this.#clock = parts.clock;
  }

  /**
   * Store one body and record it, once for a key: see {@link UploadService.upload}.
   *
   * The body of a repeat is read, to be compared, and not stored.
   *
   * @throws {StowageError} Besides what an upload throws: `idempotency_key_in_use` while the first request is
   *   under way, `idempotency_key_reused` if it was another one, `upload_not_found` if what it has made was
   *   deleted since.
   */
  async upload(input: UploadInput): Promise<UploadResult> {
    const { tenant, idempotencyKey: key } = input;
    if (key === undefined) return { upload: await this.#uploads.upload(input), replayed: false };
    const known = await this.#records.findIdempotencyRecord(tenant, key);
    if (known !== null) return await this.#replay(known, input);
    try {
      return { upload: await this.#uploads.upload(input), replayed: false };
    } catch (error) {
      if (!isStowageError(error, "idempotency_key_in_use")) throw error;
      // Somebody was faster; nothing of the body has been read.
      const first = await this.#records.findIdempotencyRecord(tenant, key);
      if (first === null) throw error;
      return await this.#replay(first, input);
    }
  }

  async #replay(
    { upload, fingerprint, leaseUntil }: IdempotencyRecord,
    input: UploadInput,
  ): Promise<UploadResult> {
    if (upload === null) {
      throw new StowageError(
        "upload_not_found",
        "Cannot answer with the first upload of this Idempotency-Key: it was deleted (use a new key)",
      );
    }
    if (upload.status === "uploading") {
      throw new StowageError(
        "idempotency_key_in_use",
        "Cannot upload twice: the first request with this Idempotency-Key is still under way",
        { retryable: true, data: { retryAfterSeconds: this.#secondsUntil(leaseUntil) } },
      );
    }
    if (differsUnread(input, upload)) throw reused();
    const { details, sha256 } = await this.#read(input, upload.sizeBytes ?? 0);
    const same = sha256 === upload.sha256 && fingerprintOf(input, details, this.#hasher);
    if (same !== fingerprint) throw reused();
    return { upload, replayed: true };
  }

  /** A server that has died does not renew its lease: by then the key is free. */
  #secondsUntil(leaseUntil: number | null): number {
    const seconds = Math.ceil(((leaseUntil ?? 0) - this.#clock.now()) / 1000);
    return Math.min(Math.max(seconds, 1), MAX_RETRY_AFTER_SECONDS);
  }

  /** @throws {StowageError} `idempotency_key_reused` for a body that is longer than the first: unread as far as may be. */
  async #read(
    input: UploadInput,
    sizeBytes: number,
  ): Promise<{ readonly details: UploadDetails; readonly sha256: string }> {
    try {
      const incoming = await IncomingBody.open(input.body, {
        hasher: this.#hasher,
        sniffer: NO_SNIFFER,
        limitBytes: sizeBytes,
        digests: input.digests,
      });
      try {
        for await (const _ of openBody(incoming.body));
        const sha256 = incoming.sha256();
        const details = await input.details();
        verifyDigests(details.digests ?? [], new Map([["sha256", sha256]]));
        return { details, sha256 };
      } finally {
        incoming.release();
      }
    } catch (error) {
      throw isStowageError(error, "upload_too_large") ? reused() : error;
    }
  }
}

/** Whether it is another request by what is known before its body. */
function differsUnread(
  { originalFilename, body, atMostBytes = Number.POSITIVE_INFINITY }: UploadInput,
  upload: Upload,
): boolean {
  const sizeBytes = upload.sizeBytes ?? 0;
  return (
    originalFilename !== upload.originalFilename ||
    (bodySize(body) ?? sizeBytes) !== sizeBytes ||
    sizeBytes > atMostBytes
  );
}

function reused(): StowageError {
  return new StowageError(
    "idempotency_key_reused",
    "Cannot upload under this Idempotency-Key: it belongs to another request (use a new key)",
  );
}
