import { isStowageError } from "../../domain/errors.ts";
import type { ObjectKey } from "../../domain/object-key.ts";
import type { JobQueue } from "../../domain/ports/job-queue.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import type { UploadRecords } from "../../domain/ports/records.ts";
import type { TenantId } from "../../domain/tenant.ts";
import type { ProcessorResult, Upload } from "../../domain/upload.ts";
import type { Storages } from "../storages/storages.ts";
import {
  requireStored,
  requireUpload,
  retryOnConflict,
  uploadNotFound,
} from "../uploads/find-upload.ts";
import type { ProcessorCatalog } from "./processor-catalog.ts";

/** A result, and a way to open its text. */
export type OpenResult = ProcessorResult & {
  /** Opens the text as UTF-8; `null` if the processor made none. */
  readonly openText: (() => Promise<ReadableStream<Uint8Array>>) | null;
};

interface ProcessingServiceDeps {
  readonly records: UploadRecords;
  readonly storages: Storages;
  readonly catalog: ProcessorCatalog;
  readonly queue: JobQueue;
  readonly logger: Logger;
}

/** Queues uploads for processing and returns the results. */
export class ProcessingService {
  readonly #deps: ProcessingServiceDeps;

  constructor(deps: ProcessingServiceDeps) {
    this.#deps = Object.freeze({ ...deps });
  }

  /**
   * Process an upload again. Does nothing if it is already queued or running, or if no processor reads its type.
   *
   * @param names The processors to run; `null` for all that read its type.
   * @param permit Throws to refuse the upload in its current state. Called again if it has changed meanwhile.
   * @throws {StowageError} `upload_not_found`, `upload_in_progress`, `upload_conflict` (quarantined, or it keeps
   *   changing), `unknown_processor`, whatever `permit` throws.
   */
  async reprocess(
    tenant: TenantId,
    id: string,
    names: readonly string[] | null,
    permit?: (upload: Upload) => void,
  ): Promise<Upload> {
    const { records, catalog, queue, logger } = this.#deps;
    return await retryOnConflict(async () => {
      const found = await requireStored(records, tenant, id);
      const processors =
        names === null
          ? catalog.accepting(found.contentType)
          : catalog.choose(names, found.contentType);
      permit?.(found);
      if (processors.length === 0) return found;
      const revision = permit ? found.revision : null;
      const outcome = await records.requeue(tenant, found.id, processors, revision);
      if (outcome === null) throw uploadNotFound();
      const { upload, queued } = outcome;
      if (!queued && revision !== null && upload.revision !== revision) return null;
      if (queued) {
        queue.wake();
        logger.info("upload.requeued", { uploadId: found.id, tenantId: tenant });
      }
      return upload;
    });
  }

  /**
   * The results of the processors so far.
   *
   * @throws {StowageError} `upload_not_found`
   */
  async result(
    tenant: TenantId,
    id: string,
  ): Promise<{ readonly upload: Upload; readonly results: readonly OpenResult[] }> {
    const upload = await requireUpload(this.#deps.records, tenant, id);
    const results = await this.#deps.records.results(tenant, upload.id);
    return { upload, results: results.map((result) => this.#withText(upload, result)) };
  }

  #withText(upload: Upload, result: ProcessorResult): OpenResult {
    const { textKey } = result;
    if (textKey === null) return { ...result, openText: null };
    return { ...result, openText: () => this.#openText(upload, result.name, textKey) };
  }

  /** If a later run has just replaced the text, open it under its new key. */
  async #openText(
    upload: Upload,
    name: string,
    key: ObjectKey,
  ): Promise<ReadableStream<Uint8Array>> {
    try {
      return (await this.#deps.storages.byId(upload.storageId).retrieve(key)).stream;
    } catch (error) {
      if (!isStowageError(error, "object_not_found")) throw error;
      const now = await requireUpload(this.#deps.records, upload.tenant, upload.id);
      const results = await this.#deps.records.results(upload.tenant, upload.id);
      const newKey = results.find((result) => result.name === name)?.textKey;
      if (!newKey || (newKey === key && now.storageId === upload.storageId)) throw error;
      return await this.#openText(now, name, newKey);
    }
  }
}
