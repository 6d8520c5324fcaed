import type { ByteRange } from "../../domain/byte-range.ts";
import { isStowageError, StowageError } from "../../domain/errors.ts";
import { formatEtag } from "../../domain/etag.ts";
import type { ObjectKey } from "../../domain/object-key.ts";
import type { UploadRecords } from "../../domain/ports/records.ts";
import type { TenantId } from "../../domain/tenant.ts";
import type { ProcessorResult, Upload } from "../../domain/upload.ts";
import type { Storages } from "../storages/storages.ts";
import { uploadInProgress, uploadNotFound } from "../uploads/upload-service.ts";

/** Whose text is meant where several processors have found one and none is named. */
const USUAL_PROCESSOR = "text";

/** The text that a processor has found in an upload. */
export interface FoundText {
  readonly upload: Upload;
  readonly processor: string;
  /** As HTTP writes it. Another run makes another one; moving to another storage does not. */
  readonly etag: string;
  /** Of UTF-8. */
  readonly sizeBytes: number;
  readonly key: ObjectKey;
}

/** Gives out the texts that processors have found. */
export class TextService {
  readonly #records: UploadRecords;
  readonly #storages: Storages;

  constructor(parts: { readonly records: UploadRecords; readonly storages: Storages }) {
    this.#records = parts.records;
    this.#storages = parts.storages;
  }

  /**
   * Find the text of an upload. While it is processed again, that is the text of the run before.
   *
   * @param processor Whose text; `null` for that of `text`, or else of the first processor by name.
   * @throws {StowageError} `upload_not_found`, `upload_in_progress`, `upload_conflict` (quarantined),
   *   `text_not_ready` if there is none yet but a processor will run or is running, `text_not_found`,
   *   `storage_*`.
   */
  async open(tenant: TenantId, id: string, processor: string | null): Promise<FoundText> {
    // One that was replaced or moved a moment ago is found at the second look.
    for (let look = 0; look < 2; look += 1) {
      const found = await this.#look(tenant, id, processor);
      const object = await this.#storages.byId(found.upload.storageId).stat(found.key);
      if (object !== null) return { ...found, sizeBytes: object.sizeBytes };
    }
    throw new StowageError("object_not_found", "Cannot serve text: its object is missing");
  }

  /**
   * The bytes of `range`, or of the whole text.
   *
   * @throws {StowageError} `object_changed` if another run has replaced it since it was opened, `storage_*`.
   */
  async read(
    { upload, key }: FoundText,
    range: ByteRange | null,
    signal?: AbortSignal,
  ): Promise<ReadableStream<Uint8Array>> {
    const storage = this.#storages.byId(upload.storageId);
    try {
      return (await storage.retrieve(key, { signal, ...(range === null ? {} : { range }) })).stream;
    } catch (error) {
      if (!isStowageError(error, "object_not_found")) throw error;
      throw new StowageError("object_changed", "Cannot serve text: it was replaced meanwhile", {
        cause: error,
        retryable: true,
      });
    }
  }

  async #look(
    tenant: TenantId,
    id: string,
    processor: string | null,
  ): Promise<Omit<FoundText, "sizeBytes">> {
    const upload = await this.#records.find(tenant, id);
    if (upload === null) throw uploadNotFound();
    if (upload.status === "uploading") throw uploadInProgress();
    if (upload.status === "quarantined") {
      throw new StowageError("upload_conflict", "Cannot serve text: the upload is quarantined");
    }
    const results = await this.#records.results(tenant, upload.id);
    const result = choose(results, processor);
    if (result === null) throw noText(upload);
    return { upload, processor: result.name, etag: etagOf(result.textKey), key: result.textKey };
  }
}

type WithText = ProcessorResult & { readonly textKey: ObjectKey };

function choose(results: readonly ProcessorResult[], processor: string | null): WithText | null {
  const texts = results.filter((result): result is WithText => result.textKey !== null);
  const named = texts.find(({ name }) => name === (processor ?? USUAL_PROCESSOR));
  return named ?? (processor === null ? texts[0] : undefined) ?? null;
}

/** The name of a text is its run's own, and a run writes it once. */
function etagOf(key: ObjectKey): string {
  return formatEtag(key.slice(key.lastIndexOf("/") + 1).replace(/\.txt$/, ""));
}

function noText({ status }: Upload): StowageError {
  if (status === "queued" || status === "processing") {
    return new StowageError(
      "text_not_ready",
      "Cannot serve text yet: the upload is still being processed",
      { retryable: true },
    );
  }
  return new StowageError("text_not_found", "Cannot find text: no processor has found any");
}
