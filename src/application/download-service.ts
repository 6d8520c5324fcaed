import type { ByteRange } from "../domain/byte-range.ts";
import { isAbort, StowageError } from "../domain/errors.ts";
import type { UploadRecords } from "../domain/ports/records.ts";
import type { TenantId } from "../domain/tenant.ts";
import type { Upload } from "../domain/upload.ts";
import type { Storages } from "./storages.ts";
import { uploadInProgress, uploadNotFound } from "./upload-service.ts";

type Reader = ReadableStreamDefaultReader<Uint8Array>;

/** Serves files from whichever storage their records name. */
export class DownloadService {
  readonly #records: UploadRecords;
  readonly #storages: Storages;

  constructor(parts: { readonly records: UploadRecords; readonly storages: Storages }) {
    this.#records = parts.records;
    this.#storages = parts.storages;
  }

  /**
   * Find an upload whose file can be served. The record tells size, digest and type: no storage is asked.
   *
   * @throws {StowageError} `upload_not_found`, `upload_in_progress`, `upload_conflict` (quarantined).
   */
  async open(tenant: TenantId, id: string): Promise<Upload> {
    const upload = await this.#records.find(tenant, id);
    if (upload === null) throw uploadNotFound();
    if (upload.status === "uploading") throw uploadInProgress();
    if (upload.status === "quarantined") {
      throw new StowageError("upload_conflict", "Cannot serve file: it is quarantined");
    }
    return upload;
  }

  /**
   * The bytes of `range`, or of the whole file. Resolves once the storage has begun to answer.
   *
   * A file that has just moved to another storage is followed there, at the beginning or in the middle: the
   * record is looked at once more, and reading goes on at the offset reached.
   *
   * @throws {StowageError} `upload_not_found` if it was deleted meanwhile, `object_not_found` if its bytes
   *   are missing where the record says they are, `storage_*`. The stream fails with the same.
   */
  async read(
    upload: Upload,
    range: ByteRange | null,
    signal?: AbortSignal,
  ): Promise<ReadableStream<Uint8Array>> {
    const wanted = range ?? { start: 0, end: upload.sizeBytes ?? 0 };
    let offset = wanted.start;
    let place = upload;
    const openHere = async (): Promise<Reader> => {
      const storage = this.#storages.byId(place.storageId);
      const part = offset === 0 && wanted.end === upload.sizeBytes;
      const read = await storage.retrieve(place.key, {
        signal,
        ...(part ? {} : { range: { start: offset, end: wanted.end } }),
      });
      if (read.object.sizeBytes !== upload.sizeBytes) {
        await read.stream.cancel();
        throw new StowageError(
          "object_corrupt",
          `Cannot serve file: its storage holds ${read.object.sizeBytes} bytes, the record says ${upload.sizeBytes}`,
        );
      }
      return read.stream.getReader();
    };
    const follow = async (error: unknown): Promise<Reader> => {
      const moved = await this.#findMoved(place, error);
      place = moved;
      return await openHere();
    };
    if (wanted.start === wanted.end) return emptyStream();
    let reader = await openHere().catch(follow);
    return new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          for (;;) {
            try {
              const next = await reader.read();
              if (next.done) return controller.close();
              offset += next.value.byteLength;
              return controller.enqueue(next.value);
            } catch (error) {
              reader = await follow(error);
            }
          }
        },
        async cancel(reason) {
          await reader.cancel(reason);
        },
      },
      // Nothing is read ahead here: the driver's stream already is one chunk ahead.
      { highWaterMark: 0 },
    );
  }

  /** Where `before` lies now, if it has moved since; otherwise throws `error`. */
  async #findMoved(before: Upload, error: unknown): Promise<Upload> {
    if (isAbort(error)) throw error;
    const now = await this.#records.find(before.tenant, before.id);
    if (now === null) throw uploadNotFound();
    if (now.storageId === before.storageId && now.key === before.key) throw error;
    return now;
  }
}

function emptyStream(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.close();
    },
  });
}
