import type { Clock } from "../../domain/ports/clock.ts";
import type { Reservation, UploadRecords } from "../../domain/ports/records.ts";

/** How long the last sync and the fields after the file may take once the file has come. */
const FINISH_MS = 10 * 60_000;

/**
 * Keeps a reservation alive while bytes flow and are brought to the disk, and stops the upload when it is
 * lost all the same.
 */
export class UploadLease {
  lost = false;
  #moved = false;
  #finishUntil = 0;
  readonly #clock: Clock;
  readonly #abort = new AbortController();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(records: UploadRecords, reservation: Reservation, leaseMs: number, clock: Clock) {
    this.#clock = clock;
    this.#timer = setInterval(() => {
      if (!this.#moved && clock.now() > this.#finishUntil) return;
      this.#moved = false;
      records.renewReservation(reservation, clock.now() + leaseMs).then(
        (kept) => {
          if (kept) return;
          this.lost = true;
          this.#abort.abort();
        },
        // The database is away: the lease may yet be renewed next time, and commit will tell.
        () => {},
      );
    }, leaseMs / 3);
  }

  readonly onProgress = (ended: boolean): void => {
    this.#moved = true;
    if (ended) this.#finishUntil = this.#clock.now() + FINISH_MS;
  };

  /** The caller's signal, or ours once the lease is lost. */
  over(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined
      ? this.#abort.signal
      : AbortSignal.any([signal, this.#abort.signal]);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
