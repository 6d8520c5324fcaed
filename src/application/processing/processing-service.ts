import { isStowageError } from "../../domain/errors.ts";
import type { ObjectKey } from "../../domain/object-key.ts";
import type { JobQueue } from "../../domain/ports/job-queue.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import type { UploadRecords } from "../../domain/ports/records.ts";
import type { TenantId } from "../../domain/tenant.ts";
import type { ProcessorResult, Upload } from "../../domain/upload.ts";
import type { Storages } from "../storages/storages.ts";
import { uploadInProgress, uploadNotFound } from "../uploads/upload-service.ts";
import type { ProcessorCatalog } from "./processor-catalog.ts";

/** A result together with a way to its text. */
export type OpenResult = ProcessorResult & {
  /** Opens the text as UTF-8; `null` if the processor made none. */
  readonly openText: (() => Promise<ReadableStream<Uint8Array>>) | null;
};

/** Asks for processing and tells what came of it. */
export class ProcessingService {
  readonly #records: UploadRecords;
  readonly #storages: Storages;
  readonly #catalog: ProcessorCatalog;
  readonly #queue: JobQueue;
  readonly #logger: Logger;

  constructor(parts: {
    readonly records: UploadRecords;
    readonly storages: Storages;
    readonly catalog: ProcessorCatalog;
    readonly queue: JobQueue;
    readonly logger: Logger;
  }) {
    this.#records = parts.records;
    this.#storages = parts.storages;
    this.#catalog = parts.catalog;
    this.#queue = parts.queue;
    this.#logger = parts.logger;
  }

  /**
   * Process an upload again. One that is queued or running already is left to it. A type that no processor
   * reads stays as it is.
   *
   * @param names Which processors; `null` for all that read its type.
   * @param permit Throws if it may not be processed as it is; asked again if it has changed meanwhile.
   * @throws {StowageError} `upload_not_found`, `upload_in_progress`, `upload_conflict` (quarantined),
   *   `unknown_processor`, whatever `permit` throws.
   */
  async reprocess(
    tenant: TenantId,
    id: string,
    names: readonly string[] | null,
    permit?: (upload: Upload) => void,
  ): Promise<Upload> {
    const found = await this.#records.find(tenant, id);
    if (found === null) throw uploadNotFound();
    if (found.status === "uploading") throw uploadInProgress();
    const processors =
      names === null
        ? this.#catalog.accepting(found.contentType)
        : this.#catalog.choose(names, found.contentType);
    permit?.(found);
    if (processors.length === 0) return found;
    const revision = permit ? found.revision : null;
    const outcome = await this.#records.requeue(tenant, found.id, processors, revision);
    if (outcome === null) throw uploadNotFound();
    if (!outcome.queued && permit !== undefined && outcome.upload.revision !== revision) {
      return await this.reprocess(tenant, id, names, permit);
    }
    if (outcome.queued) {
      this.#queue.wake();
      this.#logger.info("upload.requeued", { uploadId: found.id, tenantId: tenant });
    }
    return outcome.upload;
  }

  /**
   * What the processors have made of an upload so far.
   *
   * @throws {StowageError} `upload_not_found`
   */
  async result(
    tenant: TenantId,
    id: string,
  ): Promise<{ readonly upload: Upload; readonly results: readonly OpenResult[] }> {
    const upload = await this.#records.find(tenant, id);
    if (upload === null) throw uploadNotFound();
    const results = await this.#records.results(tenant, upload.id);
    return { upload, results: results.map((result) => this.#withText(upload, result)) };
  }

  #withText(upload: Upload, result: ProcessorResult): OpenResult {
    const { textKey } = result;
    if (textKey === null) return { ...result, openText: null };
    return { ...result, openText: () => this.#openText(upload, result.name, textKey) };
  }

  /** A text that a later run has just replaced is found under its new key. */
  async #openText(
    upload: Upload,
    name: string,
    key: ObjectKey,
  ): Promise<ReadableStream<Uint8Array>> {
    try {
      return (await this.#storages.byId(upload.storageId).retrieve(key)).stream;
    } catch (error) {
      if (!isStowageError(error, "object_not_found")) throw error;
      const now = await this.#records.find(upload.tenant, upload.id);
      if (now === null) throw uploadNotFound();
      const results = await this.#records.results(upload.tenant, upload.id);
      const newKey = results.find((result) => result.name === name)?.textKey;
      if (!newKey || (newKey === key && now.storageId === upload.storageId)) throw error;
      return await this.#openText(now, name, newKey);
    }
  }
}
