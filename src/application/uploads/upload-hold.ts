import { type Body, type ByteStream, bodySize } from "../../domain/bytes.ts";
import { isStowageError } from "../../domain/errors.ts";
import type { NewUpload, Quota, Reservation, UploadRecords } from "../../domain/ports/records.ts";
import type { UploadInput } from "./upload-input.ts";

/** Less than this is not worth another question to the records. */
const MIN_SPARE_BYTES = 64 * 1024;

/**
 * Reserve an upload, its bytes counted against the quota: all of them where the length is known, else what may
 * come, and the rest before it is handed on.
 *
 * @returns The reservation, and the body to store under it.
 * @throws {StowageError} `quota_exceeded`, `idempotency_key_in_use`, `records_*`.
 */
export async function reserveRoom(
  records: Pick<UploadRecords, "reserve" | "hold">,
  upload: NewUpload,
  { body, atMostBytes, idempotencyKey }: UploadInput,
  terms: { readonly leaseUntil: number; readonly maxBytes: number; readonly quota: Quota },
): Promise<{ readonly reservation: Reservation; readonly body: Body }> {
  const { quota, leaseUntil, maxBytes } = terms;
  const reserve = async (holdBytes: number): Promise<Reservation> =>
    await records.reserve(upload, leaseUntil, {
      ...{ holdBytes, quota },
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    });
  const known = bodySize(body);
  if (known !== undefined || body.kind !== "once") {
    return { reservation: await reserve(known ?? 0), body };
  }
  let heldBytes = Math.min(atMostBytes ?? 0, maxBytes);
  const reservation = await reserve(heldBytes).catch(async (error: unknown) => {
    // It may be shorter than that and find room all the same.
    if (!isStowageError(error, "quota_exceeded") || heldBytes === 0) throw error;
    heldBytes = 0;
    return await reserve(0);
  });
  if (quota.bytes === null) return { reservation, body };
  const hold = new UploadHold({ records, reservation, quota, maxBytes, heldBytes });
  return { reservation, body: { kind: "once", stream: hold.over(body.stream) } };
}

/**
 * Counts the bytes of one upload against the quota before they are accepted, where its length is not known:
 * as many again as have come, so that the records are not asked for every chunk, and small uploads do not
 * keep each other out. Where there is no room for so many the steps are halved, down to what has come.
 */
class UploadHold {
  readonly #records: Pick<UploadRecords, "hold">;
  readonly #reservation: Reservation;
  readonly #quota: Quota;
  /** More than this will be refused for its length. */
  readonly #maxBytes: number;
  #heldBytes: number;
  /** How much is asked for beyond what has come, once there was no room for as much again. */
  #spareBytes = Number.POSITIVE_INFINITY;

  constructor(parts: {
    readonly records: Pick<UploadRecords, "hold">;
    readonly reservation: Reservation;
    readonly quota: Quota;
    readonly maxBytes: number;
    readonly heldBytes: number;
  }) {
    this.#records = parts.records;
    this.#reservation = parts.reservation;
    this.#quota = parts.quota;
    this.#maxBytes = parts.maxBytes;
    this.#heldBytes = parts.heldBytes;
  }

  /**
   * The same bytes, none of which is handed on before it is counted. The stream fails with `quota_exceeded`,
   * or with `reservation_lost`.
   */
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
            if (passedBytes > this.#heldBytes) await this.#grow(passedBytes);
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
    // What is longer than it may be is for the limit to refuse, whose words say so.
    if (neededBytes > this.#maxBytes) return;
    for (;;) {
      const spareBytes = Math.min(neededBytes, this.#spareBytes);
      const bytes = Math.min(neededBytes + spareBytes, this.#maxBytes);
      try {
        await this.#records.hold(this.#reservation, bytes, this.#quota);
        this.#heldBytes = bytes;
        return;
      } catch (error) {
        if (!isStowageError(error, "quota_exceeded") || bytes === neededBytes) throw error;
        this.#spareBytes = spareBytes < MIN_SPARE_BYTES ? 0 : Math.floor(spareBytes / 2);
      }
    }
  }
}
