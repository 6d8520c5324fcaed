import { type Body, type ByteStream, bodySize } from "../domain/bytes.ts";
import { isStowageError } from "../domain/errors.ts";
import type { NewUpload, Quota, Reservation, UploadRecords } from "../domain/ports/records.ts";
import type { UploadInput } from "./upload-input.ts";

/** What is held at first of a body of which nothing is known. */
const FIRST_HOLD_BYTES = 1024 * 1024;

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
  { body, atMostBytes = FIRST_HOLD_BYTES, idempotencyKey }: UploadInput,
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
  let heldBytes = Math.min(atMostBytes, maxBytes);
  const reservation = await reserve(heldBytes).catch(async (error: unknown) => {
    // It may be shorter than that and find room all the same.
    if (!isStowageError(error, "quota_exceeded")) throw error;
    heldBytes = 0;
    return await reserve(0);
  });
  if (quota.bytes === null) return { reservation, body };
  const hold = new UploadHold(records, reservation, quota, heldBytes);
  return { reservation, body: { kind: "once", stream: hold.over(body.stream) } };
}

/**
 * Counts the bytes of one upload against the quota before they are accepted, where its length is not known:
 * in growing steps, so that the records are not asked for every chunk.
 */
class UploadHold {
  readonly #records: Pick<UploadRecords, "hold">;
  readonly #reservation: Reservation;
  readonly #quota: Quota;
  #heldBytes: number;

  constructor(
    records: Pick<UploadRecords, "hold">,
    reservation: Reservation,
    quota: Quota,
    heldBytes: number,
  ) {
    this.#records = records;
    this.#reservation = reservation;
    this.#quota = quota;
    this.#heldBytes = heldBytes;
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
    const wantedBytes = Math.max(neededBytes, 2 * this.#heldBytes, FIRST_HOLD_BYTES);
    try {
      await this.#holdBytes(wantedBytes);
    } catch (error) {
      // What is left may still do: then it is counted exactly.
      if (!isStowageError(error, "quota_exceeded")) throw error;
      await this.#holdBytes(neededBytes);
    }
  }

  async #holdBytes(bytes: number): Promise<void> {
    await this.#records.hold(this.#reservation, bytes, this.#quota);
    this.#heldBytes = bytes;
  }
}
