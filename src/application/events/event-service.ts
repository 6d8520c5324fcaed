import { StowageError } from "../../domain/errors.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import type { UploadRecords } from "../../domain/ports/records.ts";
import type { TenantId } from "../../domain/tenant.ts";
import {
  isSettled,
  type RecordStatus,
  type Upload,
  type UploadEvent,
} from "../../domain/upload.ts";
import type { UploadId } from "../../domain/upload-id.ts";
import { requireUpload } from "../uploads/find-upload.ts";
import { ChangeWatch, type Watcher } from "./change-watch.ts";

export interface EventsPolicy {
  /** How often the records are polled for changes of other processes. */
  readonly pollMs: number;
  /** The longest stream. Then the client must authenticate again, because its credentials may be revoked. */
  readonly maxStreamMs: number;
  /** In this process, and per tenant. */
  readonly maxStreams: number;
  readonly maxStreamsPerTenant: number;
  /**
   * Whether each stream polls the records itself, because requests cannot share timers and promises (Workers). Then
   * changes arrive only with the next poll.
   */
  readonly pollAlone: boolean;
}

/** The past and future events of an upload until it is settled. Takes up one stream until it ends. */
export interface EventStream extends AsyncIterable<UploadEvent> {
  /** End the stream now. Idempotent. */
  stop(): void;
}

/** Events per query. */
const PAGE = 100;

interface EventServiceDeps {
  readonly records: UploadRecords;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly policy: EventsPolicy;
}

/** Streams the events of uploads. */
export class EventService {
  readonly #deps: EventServiceDeps;
  readonly #watch: ChangeWatch;
  /** All open streams and their tenants. */
  readonly #open = new Map<EventStream, TenantId>();
  #closed = false;

  constructor(deps: EventServiceDeps) {
    this.#deps = Object.freeze({ ...deps });
    this.#watch = this.#newWatch();
  }

  /** Wake the streams of this upload: it has changed in this process. */
  readonly announce = (id: UploadId): void => this.#watch.announce(id);

  /**
   * Follow an upload. The stream ends when the upload is settled or deleted, when you stop it, and after
   * `maxStreamMs`. To continue, follow the upload again from the last revision.
   *
   * @param after The last revision that you know; 0 for all events. A revision that the upload has not reached yet
   *   counts as 0.
   * @returns `null` if the upload is settled and there are no more events.
   * @throws {StowageError} `upload_not_found`, `too_many_streams` (of the tenant), `server_busy`.
   */
  async follow(tenant: TenantId, id: string, after: number): Promise<EventStream | null> {
    const upload = await requireUpload(this.#deps.records, tenant, id);
    const from = after > upload.revision ? 0 : after;
    if (from > 0 && isSettled(upload.status)) {
      const news = await this.#deps.records.events(tenant, upload.id, from, 1);
      if (news.length === 0) return null;
    }
    this.#admit(tenant);
    return this.#start(upload, from);
  }

  /** End all streams and refuse new ones. */
  close(): void {
    this.#closed = true;
    for (const stream of this.#open.keys()) stream.stop();
  }

  #admit(tenant: TenantId): void {
    const { maxStreams, maxStreamsPerTenant } = this.#deps.policy;
    if (this.#closed) {
      throw new StowageError("server_busy", "Cannot follow upload: the server is stopping");
    }
    const own = [...this.#open.values()].filter((owner) => owner === tenant).length;
    if (own >= maxStreamsPerTenant) {
      throw new StowageError(
        "too_many_streams",
        `Cannot follow upload: ${own} streams are open already`,
      );
    }
    if (this.#open.size >= maxStreams) {
      throw new StowageError(
        "server_busy",
        `Cannot follow upload: all ${maxStreams} streams are in use`,
      );
    }
  }

  #start(upload: Upload, from: number): EventStream {
    const watch = this.#deps.policy.pollAlone ? this.#newWatch() : this.#watch;
    const watcher = watch.watch(upload.id, upload.revision);
    const ending = new AbortController();
    const lifetime = setTimeout(() => stream.stop(), this.#deps.policy.maxStreamMs);
    const events = this.#events(upload, from, watcher, ending.signal);
    const stream: EventStream = {
      stop: () => {
        clearTimeout(lifetime);
        ending.abort();
        watcher.stop();
        this.#open.delete(stream);
      },
      async *[Symbol.asyncIterator]() {
        try {
          yield* events;
        } finally {
          stream.stop();
        }
      },
    };
    this.#open.set(stream, upload.tenant);
    return stream;
  }

  async *#events(
    upload: Upload,
    from: number,
    watcher: Watcher,
    signal: AbortSignal,
  ): AsyncGenerator<UploadEvent, void, undefined> {
    const { tenant, id } = upload;
    let revision = from;
    let status: RecordStatus = upload.status;
    while (!signal.aborted) {
      const news = await this.#deps.records.events(tenant, id, revision, PAGE);
      for (const event of news) {
        yield event;
        if (signal.aborted) return;
        ({ revision } = event);
        status = statusOf(event);
      }
      if (status === "deleting") return;
      if (news.length === PAGE) continue;
      // Events are deleted with their upload, so make the last one for a late reader.
      if (news.length === 0 && (await this.#deps.records.find(tenant, id)) === null) {
        yield this.#deleted(upload, Math.max(revision, upload.revision) + 1);
        return;
      }
      if (isSettled(status)) return;
      await watcher.changed();
    }
  }

  #deleted({ id, tenant, processing }: Upload, revision: number): UploadEvent {
    const { attempts } = processing;
    const at = this.#deps.clock.now();
    return { uploadId: id, tenant, type: "upload.deleting", revision, at, attempts, error: null };
  }

  #newWatch(): ChangeWatch {
    const { records, logger, policy } = this.#deps;
    return new ChangeWatch({ records, logger, pollMs: policy.pollMs });
  }
}

/** The status of the upload after the event. */
export function statusOf({ type }: UploadEvent): RecordStatus {
  return type.slice("upload.".length) as RecordStatus;
}
