import { isStowageError, StowageError } from "../../domain/errors.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import type { UploadRecords } from "../../domain/ports/records.ts";
import type { Upload } from "../../domain/upload.ts";
import type { UploadId } from "../../domain/upload-id.ts";
import type { FileStorage } from "../storages/file-storage.ts";
import { findStorageId } from "../storages/storage-identity.ts";
import type { Storages } from "../storages/storages.ts";

const FILES_PER_PAGE = 100;
const CHECKS_AT_ONCE = 16;

interface MissingFilesDeps {
  readonly records: UploadRecords;
  readonly storages: Storages;
  readonly logger: Logger;
}

/**
 * Tracks the files that are missing in their storage. A missing file is marked in its record and logged once, until it
 * is found again.
 */
export class MissingFiles {
  readonly #deps: MissingFilesDeps;
  /** Where `recheck` continues in each storage. */
  readonly #recheckedUntil = new Map<string, UploadId>();

  constructor(deps: MissingFilesDeps) {
    this.#deps = Object.freeze({ ...deps });
  }

  /**
   * Open the file of `upload` with `open`, and update the mark if the file is missing or found again.
   *
   * @returns The result of `open`.
   * @throws What `open` throws; `object_not_found` has `reported` in its data if the file was known to be missing.
   */
  async track<Read>(upload: Upload, open: () => Promise<Read>): Promise<Read> {
    let read: Read;
    try {
      read = await open();
    } catch (error) {
      if (!isStowageError(error, "object_not_found")) throw error;
      if (upload.missingSince !== null) throw stillMissing(error);
      await this.#note(upload, true);
      throw error;
    }
    if (upload.missingSince !== null) await this.#note(upload, false);
    return read;
  }

  /**
   * Look again for the missing files of a storage, and clear the marks of those that exist. The next call continues
   * where this one ended.
   *
   * @param maxFiles How many files to check.
   * @throws {StowageError} `storage_*`, `records_*`.
   */
  async recheck(storage: FileStorage, maxFiles = FILES_PER_PAGE): Promise<void> {
    for (let checked = 0; checked < maxFiles; checked += FILES_PER_PAGE) {
      const after = this.#recheckedUntil.get(storage.id) ?? null;
      const page = await this.#deps.records.missingFiles(storage.id, {
        limit: FILES_PER_PAGE,
        after,
      });
      for (let first = 0; first < page.length; first += CHECKS_AT_ONCE) {
        const some = page.slice(first, first + CHECKS_AT_ONCE);
        await Promise.all(some.map((upload) => this.#findAgain(storage, upload)));
      }
      const last = page.at(-1);
      if (page.length === FILES_PER_PAGE && last) this.#recheckedUntil.set(storage.id, last.id);
      else {
        this.#recheckedUntil.delete(storage.id);
        return;
      }
    }
  }

  async #findAgain(storage: FileStorage, upload: Upload): Promise<void> {
    if (await storage.exists(upload.key)) await this.#note(upload, false);
  }

  /** Never rejects: the response to the caller does not depend on the mark. */
  async #note(upload: Upload, isMissing: boolean): Promise<void> {
    const { id: uploadId, tenant: tenantId, storageId } = upload;
    try {
      if (isMissing && !(await this.#isThere(storageId))) return;
      if (!(await this.#deps.records.noteMissing(upload, isMissing))) return;
      const facts = { uploadId, tenantId, storageId };
      if (isMissing) this.#deps.logger.error("storage.file_missing", facts);
      else this.#deps.logger.info("storage.file_found", facts);
    } catch (error) {
      this.#deps.logger.warn("storage.missing_not_noted", { uploadId, error });
    }
  }

  /** Whether the storage is reachable and the right one. Otherwise a missing file means nothing. */
  async #isThere(storageId: string): Promise<boolean> {
    const storage = this.#deps.storages.byId(storageId);
    return (await findStorageId({ get: (key) => storage.retrieve(key) })) === storageId;
  }
}

/** The missing file is in the log already: later requests are not logged. */
function stillMissing(cause: StowageError): StowageError {
  const data = { reported: true };
  return new StowageError("object_not_found", cause.message, { cause, data });
}
