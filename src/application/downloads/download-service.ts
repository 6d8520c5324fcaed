import type { ByteRange } from "../../domain/byte-range.ts";
import { isAbort, isStowageError, StowageError } from "../../domain/errors.ts";
import type { Hasher } from "../../domain/ports/hasher.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import type { UploadRecords } from "../../domain/ports/records.ts";
import type { TenantId } from "../../domain/tenant.ts";
import type { Upload } from "../../domain/upload.ts";
import type { Storages } from "../storages/storages.ts";
import { requireServable, requireUpload } from "../uploads/find-upload.ts";
import type { MissingFiles } from "../uploads/missing-files.ts";
import { CorruptFiles } from "./corrupt-files.ts";
import { DigestGate, expectedFile } from "./digest-gate.ts";

type Reader = ReadableStreamDefaultReader<Uint8Array>;

/** Files up to this size are read and verified before the answer begins, so that the answer can say no. */
const VERIFIED_FIRST_BYTES = 256 * 1024;

/**
 * A reader that takes nothing for this long holds no file, no connection to a bucket and nothing read ahead: what it
 * asks for next is read anew from where it stands.
 */
const LET_GO_AFTER_MS = 1_000;

interface DownloadServiceDeps {
  readonly records: UploadRecords;
  readonly storages: Storages;
  readonly missing: MissingFiles;
  readonly hasher: Hasher;
  readonly logger: Logger;
}

/** Serves files from whichever storage their records name, and none that is not what was stored. */
export class DownloadService {
  readonly #deps: DownloadServiceDeps;
  readonly #corrupt = new CorruptFiles();

  constructor(deps: DownloadServiceDeps) {
    this.#deps = Object.freeze({ ...deps });
  }

  /**
   * Find an upload whose file can be served. The record tells size, digest and type: no storage is asked.
   *
   * @throws {StowageError} `upload_not_found`, `upload_in_progress`, `upload_conflict` (quarantined).
   */
  async open(tenant: TenantId, id: string): Promise<Upload> {
    return await requireServable(this.#deps.records, tenant, id, "file");
  }

  /**
   * The bytes of `range`, or of the whole file. Resolves once the storage has begun to answer.
   *
   * A whole file is compared with its SHA-256: a small one before this resolves, a larger one before its last
   * chunk is handed on. Of a range only the length of the file can be verified, so there is none of a file that
   * was found corrupt, until it has been read whole and is what was stored. A file that has just moved to
   * another storage is followed there, at the beginning or in the middle: the record is looked at once more,
   * and reading goes on at the offset reached.
   *
   * @throws {StowageError} `upload_not_found` if it was deleted meanwhile, `object_not_found` if its bytes
   *   are missing where the record says they are, `object_corrupt` if they are not what was stored,
   *   `storage_*`. The stream fails with the same.
   */
  async read(
    upload: Upload,
    range: ByteRange | null,
    signal?: AbortSignal,
  ): Promise<ReadableStream<Uint8Array>> {
    const sizeBytes = upload.sizeBytes ?? 0;
    const { start, end } = range ?? { start: 0, end: sizeBytes };
    if (start === end) return streamOf([]);
    if (start > 0 || end < sizeBytes) {
      if (this.#corrupt.has(upload)) throw foundCorrupt();
      return this.#stream(upload, { start, end }, null, signal);
    }
    const gate = new DigestGate(this.#deps.hasher, expectedFile(upload));
    const stream = await this.#stream(upload, { start, end }, gate, signal);
    if (sizeBytes > VERIFIED_FIRST_BYTES) return stream;
    try {
      const chunks: Uint8Array[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      return streamOf(chunks);
    } catch (error) {
      if (!isStowageError(error, "object_corrupt")) throw error;
      // It may have been replaced together with its record; twice in a row is corrupt enough.
      const moved = await this.#moved(upload);
      if (moved === null) throw error;
      const anew = new DigestGate(this.#deps.hasher, expectedFile(moved));
      return await this.#stream(moved, { start, end }, anew, signal);
    }
  }

  async #stream(
    upload: Upload,
    wanted: ByteRange,
    gate: DigestGate | null,
    signal: AbortSignal | undefined,
  ): Promise<ReadableStream<Uint8Array>> {
    let offset = wanted.start;
    let place = upload;
    const openHere = async (): Promise<Reader> => {
      const storage = this.#deps.storages.byId(place.storageId);
      const part = offset === 0 && wanted.end === upload.sizeBytes;
      const read = await this.#deps.missing.noting(place, () =>
        storage.retrieve(place.key, {
          signal,
          ...(part ? {} : { range: { start: offset, end: wanted.end } }),
        }),
      );
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
      place = await this.#findMoved(place, error);
      return await openHere();
    };
    let reader: Reader | null = await openHere().catch(follow);
    /** What to hand on next; `null` at the end. */
    const take = async (): Promise<Uint8Array | null> => {
      for (;;) {
        let next: Awaited<ReturnType<Reader["read"]>>;
        try {
          reader ??= await openHere();
          next = await reader.read();
        } catch (error) {
          reader = await follow(error);
          continue;
        }
        try {
          if (!next.done) offset += next.value.byteLength;
          checkLength(offset, wanted, next.done);
          if (next.done) gate?.end();
          else gate?.pass(next.value);
        } catch (error) {
          reader.cancel().catch(() => {});
          this.#reportCorrupt(place);
          throw error;
        }
        if (!next.done) return next.value;
        if (gate !== null) this.#corrupt.forget(place);
        return null;
      }
    };
    const letGo = (): void => {
      reader?.cancel().catch(() => {});
      reader = null;
    };
    let idle = setTimeout(letGo, LET_GO_AFTER_MS);
    return new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          clearTimeout(idle);
          const chunk = await take();
          if (chunk === null) return controller.close();
          controller.enqueue(chunk);
          if (offset < wanted.end) idle = setTimeout(letGo, LET_GO_AFTER_MS);
        },
        async cancel(reason) {
          clearTimeout(idle);
          await reader?.cancel(reason);
        },
      },
      // Nothing is read ahead here: the driver's stream already is.
      { highWaterMark: 0 },
    );
  }

  /** Where `before` lies now, if it has moved since; otherwise throws what `error` means for it. */
  async #findMoved(before: Upload, error: unknown): Promise<Upload> {
    if (isAbort(error)) throw error;
    const now = await this.#moved(before);
    if (now !== null) return now;
    // Its key was written once: whatever else lies there by now will not become what was stored.
    const found = isStowageError(error, "object_changed") ? corrupt(error) : error;
    if (isStowageError(found, "object_corrupt")) this.#reportCorrupt(before);
    throw found;
  }

  /** Where it lies now; `null`: where it did. */
  async #moved(before: Upload): Promise<Upload | null> {
    const now = await requireUpload(this.#deps.records, before.tenant, before.id);
    return now.storageId !== before.storageId || now.key !== before.key ? now : null;
  }

  /** For operators: no caller can mend it. */
  #reportCorrupt(place: Upload): void {
    const { id, tenant, storageId } = place;
    this.#corrupt.add(place);
    this.#deps.storages.byId(storageId).noteCorruption();
    this.#deps.logger.error("download.corrupt", { uploadId: id, tenantId: tenant, storageId });
  }
}

/** A driver may send more than it was asked for, perhaps without end, or less. */
function checkLength(offset: number, wanted: ByteRange, ended: boolean): void {
  const state =
    offset > wanted.end
      ? "more than it holds"
      : ended && offset < wanted.end
        ? "less than that"
        : null;
  if (state === null) return;
  throw new StowageError("object_corrupt", `Cannot serve file: its storage sends ${state}`);
}

function foundCorrupt(): StowageError {
  return new StowageError(
    "object_corrupt",
    "Cannot serve a range of this file: its bytes were found to be others than those that were stored",
  );
}

function corrupt(cause: StowageError): StowageError {
  const message = "Cannot serve file: its storage holds another object than was stored";
  return new StowageError("object_corrupt", message, { cause });
}

function streamOf(chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}
