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
import { FileReader } from "./file-reader.ts";

/** Files up to this size are read and verified before the response starts, so that it can be an error. */
const VERIFIED_FIRST_BYTES = 256 * 1024;

interface DownloadServiceDeps {
  readonly records: UploadRecords;
  readonly storages: Storages;
  readonly missing: MissingFiles;
  readonly hasher: Hasher;
  readonly logger: Logger;
}

/** Serves files from the storage that their records name, and verifies them. */
export class DownloadService {
  readonly #deps: DownloadServiceDeps;
  readonly #corrupt = new CorruptFiles();

  constructor(deps: DownloadServiceDeps) {
    this.#deps = Object.freeze({ ...deps });
  }

  /**
   * Find an upload whose file can be served. Size, digest and type come from the record, not from the storage.
   *
   * @throws {StowageError} `upload_not_found`, `upload_in_progress`, `upload_conflict` (quarantined).
   */
  async open(tenant: TenantId, id: string): Promise<Upload> {
    return await requireServable(this.#deps.records, tenant, id, "file");
  }

  /**
   * The bytes of `range`, or of the whole file. Resolves when the storage has started to respond.
   *
   * A whole file is verified by its SHA-256: a small one before this resolves, a larger one before its last chunk
   * is passed on. For a range only the length of the file can be verified. So ranges of a file that was found corrupt
   * are refused until the whole file was read and verified. If the file moves to another storage before or during the
   * download, the record is read again and reading continues there at the same offset.
   *
   * @throws {StowageError} `upload_not_found` if it was deleted meanwhile, `object_not_found` if its file is
   *   missing in its storage, `object_corrupt` if it failed verification, `storage_*`. The stream fails with the
   *   same errors.
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
      // The file may have moved. If it did not, or fails again, it is corrupt.
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
    const { storages, missing } = this.#deps;
    const reader = new FileReader({
      upload,
      wanted,
      gate,
      open: async (place, range) =>
        await missing.track(place, () =>
          storages.byId(place.storageId).retrieve(place.key, { signal, range }),
        ),
      findMoved: (place, error) => this.#findMoved(place, error),
      onCorrupt: (place) => this.#reportCorrupt(place),
      onVerified: (place) => this.#corrupt.forget(place),
    });
    return await reader.stream();
  }

  /** The record of `before` if its file has moved. @throws What `error` means otherwise. */
  async #findMoved(before: Upload, error: unknown): Promise<Upload> {
    if (isAbort(error)) throw error;
    const now = await this.#moved(before);
    if (now !== null) return now;
    // A key is written once. Another object under it is corruption.
    const found = isStowageError(error, "object_changed") ? corrupt(error) : error;
    if (isStowageError(found, "object_corrupt")) this.#reportCorrupt(before);
    throw found;
  }

  /** The record if the file has moved, else `null`. */
  async #moved(before: Upload): Promise<Upload | null> {
    const now = await requireUpload(this.#deps.records, before.tenant, before.id);
    return now.storageId !== before.storageId || now.key !== before.key ? now : null;
  }

  /** For operators: callers cannot repair it. */
  #reportCorrupt(place: Upload): void {
    const { id, tenant, storageId } = place;
    this.#corrupt.add(place);
    this.#deps.storages.byId(storageId).noteCorruption();
    this.#deps.logger.error("download.corrupt", { uploadId: id, tenantId: tenant, storageId });
  }
}

function foundCorrupt(): StowageError {
  return new StowageError(
    "object_corrupt",
    "Cannot serve a range of this file: the stored bytes failed verification",
  );
}

function corrupt(cause: StowageError): StowageError {
  const message = "Cannot serve file: the stored object was replaced by another one";
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
