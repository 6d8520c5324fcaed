import type { Logger } from "../../domain/ports/logger.ts";
import type { UploadRecords } from "../../domain/ports/records.ts";
import type { UploadId } from "../../domain/upload-id.ts";

/** A watch on one upload. */
export interface Watcher {
  /** Resolves when the upload may have changed since the last call, or after `stop`. */
  changed(): Promise<void>;
  stop(): void;
}

interface ChangeWatchDeps {
  readonly records: Pick<UploadRecords, "revisions">;
  readonly logger: Logger;
  readonly pollMs: number;
}

/**
 * Notices changes of uploads: announced ones at once, those of other processes at the next poll of the records. One
 * poll serves all watchers. Without watchers there is no polling.
 */
export class ChangeWatch {
  readonly #deps: ChangeWatchDeps;
  readonly #watched = new Map<UploadId, Set<Alarm>>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #polling = false;

  constructor(deps: ChangeWatchDeps) {
    this.#deps = Object.freeze({ ...deps });
  }

  /** @param revision The last known revision. */
  watch(id: UploadId, revision: number): Watcher {
    const alarm = new Alarm(revision);
    const alarms = this.#watched.get(id) ?? new Set();
    this.#watched.set(id, alarms.add(alarm));
    this.#schedule();
    return {
      changed: () => alarm.wait(),
      stop: () => {
        alarm.ring();
        alarms.delete(alarm);
        if (alarms.size === 0 && this.#watched.get(id) === alarms) this.#watched.delete(id);
        if (this.#watched.size === 0) this.#stopPolling();
      },
    };
  }

  /** The upload has changed in this process. */
  announce(id: UploadId): void {
    for (const alarm of this.#watched.get(id) ?? []) alarm.ring();
  }

  #schedule(): void {
    if (this.#polling) return;
    this.#timer ??= setTimeout(() => void this.#poll(), this.#deps.pollMs);
  }

  #stopPolling(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #poll(): Promise<void> {
    this.#timer = undefined;
    this.#polling = true;
    try {
      const ids = [...this.#watched.keys()];
      const revisions = await this.#deps.records.revisions(ids);
      for (const id of ids) {
        for (const alarm of this.#watched.get(id) ?? []) alarm.see(revisions.get(id) ?? null);
      }
    } catch (error) {
      // Followers get the change later, and other parts report the database.
      this.#deps.logger.debug("events.look_failed", { error });
    }
    this.#polling = false;
    if (this.#watched.size > 0) this.#schedule();
  }
}

/** Rings once for all changes since the last `wait`. */
class Alarm {
  /** `null`: the upload is gone. */
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

  async wait(): Promise<void> {
    if (!this.#ringing) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#ringing = false;
  }
}
