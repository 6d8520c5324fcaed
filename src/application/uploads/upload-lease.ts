import type { Clock } from "../../domain/ports/clock.ts";
import type { Reservation, UploadRecords } from "../../domain/ports/records.ts";

/** How long the final sync and the fields after the file may take. */
const FINISH_MS = 10 * 60_000;

interface UploadLeaseDeps {
  readonly records: Pick<UploadRecords, "renewReservation">;
  readonly reservation: Reservation;
  readonly clock: Clock;
  readonly leaseMs: number;
}

/**
 * Renews a reservation while bytes arrive and are written to disk. Aborts the upload if the reservation is lost.
 */
export class UploadLease {
  lost = false;
  #moved = false;
  #finishUntil = 0;
  readonly #deps: UploadLeaseDeps;
  readonly #abort = new AbortController();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(deps: UploadLeaseDeps) {
    this.#deps = Object.freeze({ ...deps });
    this.#timer = setInterval(() => this.#renew(), deps.leaseMs / 3);
  }

  readonly onProgress = (ended: boolean): void => {
    this.#moved = true;
    if (ended) this.#finishUntil = this.#deps.clock.now() + FINISH_MS;
  };

  /** Aborts with the caller's signal, or when the lease is lost. */
  over(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined
      ? this.#abort.signal
      : AbortSignal.any([signal, this.#abort.signal]);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #renew(): void {
    const { records, reservation, clock, leaseMs } = this.#deps;
    if (!this.#moved && clock.now() > this.#finishUntil) return;
    this.#moved = false;
    records.renewReservation(reservation, clock.now() + leaseMs).then(
      (renewed) => {
        if (renewed) return;
        this.lost = true;
        this.#abort.abort();
      },
      // The database is unavailable. The next renewal may succeed; otherwise the commit fails.
      () => {},
    );
  }
}
