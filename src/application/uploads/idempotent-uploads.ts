import { bodySize, openBody } from "../../domain/bytes.ts";
import { verifyDigests } from "../../domain/digest.ts";
import { isStowageError, StowageError } from "../../domain/errors.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { Hasher } from "../../domain/ports/hasher.ts";
import type { IdempotencyRecord, UploadRecords } from "../../domain/ports/records.ts";
import { closeSource } from "../../domain/read-body.ts";
import type { Upload } from "../../domain/upload.ts";
import { BodyMeter, readNext } from "./body-meter.ts";
import { fingerprintOf } from "./request-fingerprint.ts";
import type { UploadDetails, UploadInput } from "./upload-input.ts";
import type { UploadService } from "./upload-service.ts";

/** An upload, and whether an earlier request made it. */
export interface UploadResult {
  readonly upload: Upload;
  readonly replayed: boolean;
}

/** Clients give up if they must wait longer, and leases are renewed meanwhile. */
const MAX_RETRY_AFTER_SECONDS = 60;

interface IdempotentUploadsDeps {
  readonly uploads: Pick<UploadService, "upload">;
  readonly records: Pick<UploadRecords, "findIdempotencyRecord">;
  readonly hasher: Hasher;
  readonly clock: Clock;
}

/**
 * Makes uploads repeatable. A client that got no response sends its request again with the same `Idempotency-Key`
 * and gets the upload that the first request made.
 *
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 */
export class IdempotentUploads {
  readonly #deps: IdempotentUploadsDeps;

  constructor(deps: IdempotentUploadsDeps) {
    this.#deps = Object.freeze({ ...deps });
  }

  /**
   * Store one body and record it, once per key: see {@link UploadService.upload}.
   *
   * The body of a repeated request is read and compared, but not stored.
   *
   * @throws {StowageError} Besides what an upload throws: `idempotency_key_in_use` while the first request is
   *   running, `idempotency_key_reused` if it was a different request, `upload_not_found` if its upload was
   *   deleted.
   */
  async upload(input: UploadInput): Promise<UploadResult> {
    const { tenant, idempotencyKey: key } = input;
    if (key === undefined)
      return { upload: await this.#deps.uploads.upload(input), replayed: false };
    const known = await this.#deps.records.findIdempotencyRecord(tenant, key);
    if (known !== null) return await this.#replay(known, input);
    try {
      return { upload: await this.#deps.uploads.upload(input), replayed: false };
    } catch (error) {
      if (!isStowageError(error, "idempotency_key_in_use")) throw error;
      // Another request was faster. Nothing of the body was read yet.
      const first = await this.#deps.records.findIdempotencyRecord(tenant, key);
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
        "Cannot return the upload of this Idempotency-Key: it was deleted (use a new key)",
      );
    }
    if (upload.status === "uploading") {
      throw new StowageError(
        "idempotency_key_in_use",
        "Cannot upload twice: the first request with this Idempotency-Key is still running",
        { retryable: true, data: { retryAfterSeconds: this.#secondsUntil(leaseUntil) } },
      );
    }
    if (differsUnread(input, upload)) throw reused();
    const { details, sha256 } = await this.#read(input, upload.sizeBytes ?? 0);
    const same = sha256 === upload.sha256 && fingerprintOf(input, details, this.#deps.hasher);
    if (same !== fingerprint) throw reused();
    return { upload, replayed: true };
  }

  /** A server that died does not renew its lease, so the key is free by then. */
  #secondsUntil(leaseUntil: number | null): number {
    const seconds = Math.ceil(((leaseUntil ?? 0) - this.#deps.clock.now()) / 1000);
    return Math.min(Math.max(seconds, 1), MAX_RETRY_AFTER_SECONDS);
  }

  /** @throws {StowageError} `idempotency_key_reused` if the body is longer than the first; the rest is not read. */
  async #read(
    input: UploadInput,
    sizeBytes: number,
  ): Promise<{ readonly details: UploadDetails; readonly sha256: string }> {
    const meter = new BodyMeter({
      hasher: this.#deps.hasher,
      algorithms: ["sha256"],
      claims: input.digests,
      limitBytes: sizeBytes,
    });
    const source = openBody(input.body)[Symbol.asyncIterator]();
    try {
      meter.expect(bodySize(input.body) ?? null);
      for (let chunk = await readNext(source); chunk !== null; chunk = await readNext(source)) {
        meter.add(chunk);
      }
      const digests = meter.end();
      const details = await input.details();
      verifyDigests(details.digests ?? [], digests);
      return { details, sha256: digests.get("sha256") ?? "" };
    } catch (error) {
      throw isStowageError(error, "upload_too_large") ? reused() : error;
    } finally {
      closeSource(source);
    }
  }
}

/** Whether this is another request, judged before its body is read. */
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
    "Cannot use this Idempotency-Key: it belongs to another request (use a new key)",
  );
}
