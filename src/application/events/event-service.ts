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
  /** How often the records are looked at for what other processes have changed. */
  readonly pollMs: number;
  /** Nobody follows longer without asking again: credentials may have been revoked. */
  readonly maxStreamMs: number;
  /** In this process, and of one tenant. */
  readonly maxStreams: number;
  readonly maxStreamsPerTenant: number;
  /**
   * Whether followers look at the records one by one: where requests may not share timers and promises
   * (Workers). Then nothing is told before the next look.
   */
  readonly lookAlone: boolean;
}

/** What has happened to an upload, and what happens, until it is at rest. Holds a place until it has ended. */
export interface EventStream extends AsyncIterable<UploadEvent> {
  /** End it now, whatever it waits for, and give its place back. Idempotent. */
  stop(): void;
}

/** Events are read from the records so many at a time. */
const PAGE = 100;

interface EventServiceDeps {
  readonly records: UploadRecords;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly policy: EventsPolicy;
}

/** Tells what happens to uploads to those who follow them. */
export class EventService {
  readonly #deps: EventServiceDeps;
  readonly #watch: ChangeWatch;
  /** Every stream that is open, and whose it is. */
  readonly #open = new Map<EventStream, TenantId>();
  #closed = false;

  constructor(deps: EventServiceDeps) {
    this.#deps = Object.freeze({ ...deps });
    this.#watch = this.#newWatch();
  }

  /** Wake whoever follows this upload: it has changed here. */
  readonly announce = (id: UploadId): void => this.#watch.announce(id);

  /**
   * Follow an upload. The stream ends when it is at rest or deleted, when it is stopped, and after a long
   * time: whoever wants to know more follows it again from the revision where it has ended.
   *
   * @param after The revision that is known already; 0 for all that has happened. One that the upload has
   *   not reached yet cannot be its own and counts as 0.
   * @returns `null` if nothing has happened since and nothing will: it is at rest.
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

  /** End every stream and begin no other. */
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
      throw new StowageError("server_busy", `Cannot follow upload: all ${maxStreams} places taken`);
    }
  }

  #start(upload: Upload, from: number): EventStream {
    const watch = this.#deps.policy.lookAlone ? this.#newWatch() : this.#watch;
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
      // Its events go with it: who comes too late for the last one is told all the same.
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
    return new ChangeWatch(this.#deps.records, this.#deps.logger, this.#deps.policy.pollMs);
  }
}

/** What the upload became. */
export function statusOf({ type }: UploadEvent): RecordStatus {
  return type.slice("upload.".length) as RecordStatus;
}
