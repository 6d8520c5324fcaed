import type { Logger } from "../../domain/ports/logger.ts";
import type { UploadRecords } from "../../domain/ports/records.ts";
import type { UploadId } from "../../domain/upload-id.ts";

/** One follower of one upload. */
export interface Watcher {
  /** Resolves when something may have changed since the last call, at once if it has, or after `stop`. */
  changed(): Promise<void>;
  stop(): void;
}

/**
 * Notices that uploads have changed: what is announced at once, and what other processes do at the next
 * look at the records. There is one look for all watchers, and none while there is no watcher.
 */
export class ChangeWatch {
  readonly #records: Pick<UploadRecords, "revisions">;
  readonly #logger: Logger;
  readonly #pollMs: number;
  readonly #watched = new Map<UploadId, Set<Alarm>>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #looking = false;

  constructor(records: Pick<UploadRecords, "revisions">, logger: Logger, pollMs: number) {
    this.#records = records;
    this.#logger = logger;
    this.#pollMs = pollMs;
  }

  /** @param revision Where the upload is known to be. */
  watch(id: UploadId, revision: number): Watcher {
    const alarm = new Alarm(revision);
    const alarms = this.#watched.get(id) ?? new Set();
    this.#watched.set(id, alarms.add(alarm));
    this.#schedule();
    return {
      changed: () => alarm.rung(),
      stop: () => {
        alarm.ring();
        alarms.delete(alarm);
        if (alarms.size === 0 && this.#watched.get(id) === alarms) this.#watched.delete(id);
        if (this.#watched.size === 0) this.#rest();
      },
    };
  }

  /** Something has changed here and now. */
  announce(id: UploadId): void {
    for (const alarm of this.#watched.get(id) ?? []) alarm.ring();
  }

  #schedule(): void {
    if (this.#looking) return;
    this.#timer ??= setTimeout(() => void this.#look(), this.#pollMs);
  }

  #rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    this.#timer = undefined;
    this.#looking = true;
    try {
      const ids = [...this.#watched.keys()];
      const revisions = await this.#records.revisions(ids);
      for (const id of ids) {
        for (const alarm of this.#watched.get(id) ?? []) alarm.see(revisions.get(id) ?? null);
      }
    } catch (error) {
      // Whoever follows is told later; that the database is away, others say.
      this.#logger.debug("events.look_failed", { error });
    }
    this.#looking = false;
    if (this.#watched.size > 0) this.#schedule();
  }
}

/** Rings once for all that has happened since it was last heard. */
class Alarm {
  /** `null`: gone. */
  #seen: number | null;
  #ringing = false;
  #wake: () => void = () => {};

  constructor(revision: number) {
    this.#seen = revision;
  }

  see(revision: number | null): void {
    if (revision === this.#seen) return;
    this.#seen = revision;
    this.ring();
  }

  ring(): void {
    this.#ringing = true;
    this.#wake();
  }

  async rung(): Promise<void> {
    if (!this.#ringing) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#ringing = false;
  }
}
