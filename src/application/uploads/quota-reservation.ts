import { type Body, type ByteStream, bodySize } from "../../domain/bytes.ts";
import { isStowageError } from "../../domain/errors.ts";
import type { NewUpload, Quota, Reservation, UploadRecords } from "../../domain/ports/records.ts";
import type { UploadInput } from "./upload-input.ts";

/** Asking the records for less than this is not worth a query. */
const MIN_SPARE_BYTES = 64 * 1024;

/**
 * Reserve an upload and count its bytes against the quota. If the length is unknown, the bytes that may come are
 * counted first, and the rest as they arrive.
 *
 * @returns The reservation, and the body to store under it.
 * @throws {StowageError} `quota_exceeded`, `idempotency_key_in_use`, `records_*`.
 */
export async function reserveUpload(
  records: Pick<UploadRecords, "reserve" | "reserveQuota">,
  upload: NewUpload,
  { body, atMostBytes, idempotencyKey }: UploadInput,
  terms: { readonly leaseUntil: number; readonly maxBytes: number; readonly quota: Quota },
): Promise<{ readonly reservation: Reservation; readonly body: Body }> {
  const { quota, leaseUntil, maxBytes } = terms;
  const reserve = async (reserveBytes: number): Promise<Reservation> =>
    await records.reserve(upload, leaseUntil, { reserveBytes, quota, idempotencyKey });
  const known = bodySize(body);
  if (known !== undefined || body.kind !== "once") {
    return { reservation: await reserve(known ?? 0), body };
  }
  let reservedBytes = Math.min(atMostBytes ?? 0, maxBytes);
  const reservation = await reserve(reservedBytes).catch(async (error: unknown) => {
    // The body may be shorter than that, and fit.
    if (!isStowageError(error, "quota_exceeded") || reservedBytes === 0) throw error;
    reservedBytes = 0;
    return await reserve(0);
  });
  if (quota.bytes === null) return { reservation, body };
  const counted = new QuotaReservation({ records, reservation, quota, maxBytes }, reservedBytes);
  return { reservation, body: { kind: "once", stream: counted.over(body.stream) } };
}

interface QuotaReservationDeps {
  readonly records: Pick<UploadRecords, "reserveQuota">;
  readonly reservation: Reservation;
  readonly quota: Quota;
  /** A longer body will be refused for its length. */
  readonly maxBytes: number;
}

/**
 * Counts the bytes of an upload of unknown length against the quota before they are accepted.
 *
 * Each step reserves as many bytes again as have arrived. So the records are not asked for every chunk, and small
 * uploads do not block each other. If there is no room for a step, it is halved, down to what has arrived.
 */
class QuotaReservation {
  readonly #deps: QuotaReservationDeps;
  #reservedBytes: number;
  /** The most to reserve in advance, once a step did not fit. */
  #spareBytes = Number.POSITIVE_INFINITY;

  constructor(deps: QuotaReservationDeps, reservedBytes: number) {
    this.#deps = Object.freeze({ ...deps });
    this.#reservedBytes = reservedBytes;
  }

  /** The same bytes, each counted before it is handed on. The stream fails with `quota_exceeded` or `reservation_lost`. */
  over(stream: ByteStream): ByteStream {
    return {
      [Symbol.asyncIterator]: () => {
        const source = stream[Symbol.asyncIterator]();
        let passedBytes = 0;
        return {
          next: async () => {
            const next = await source.next();
            if (next.done === true) return next;
            passedBytes += next.value.byteLength;
            if (passedBytes > this.#reservedBytes) await this.#grow(passedBytes);
            return next;
          },
          return: async () => {
            await source.return?.();
            return { done: true, value: undefined };
          },
        };
      },
    };
  }

  async #grow(neededBytes: number): Promise<void> {
    const { records, reservation, quota, maxBytes } = this.#deps;
    // The length limit refuses this body, with a clearer message.
    if (neededBytes > maxBytes) return;
    for (;;) {
      const spareBytes = Math.min(neededBytes, this.#spareBytes);
      const bytes = Math.min(neededBytes + spareBytes, maxBytes);
      try {
        await records.reserveQuota(reservation, bytes, quota);
        this.#reservedBytes = bytes;
        return;
      } catch (error) {
        if (!isStowageError(error, "quota_exceeded") || bytes === neededBytes) throw error;
        this.#spareBytes = spareBytes < MIN_SPARE_BYTES ? 0 : Math.floor(spareBytes / 2);
      }
    }
  }
}
