import type { ByteRange } from "../../domain/byte-range.ts";
import { isStowageError, StowageError } from "../../domain/errors.ts";
import { formatEtag } from "../../domain/etag.ts";
import type { ObjectKey } from "../../domain/object-key.ts";
import type { UploadRecords } from "../../domain/ports/records.ts";
import type { TenantId } from "../../domain/tenant.ts";
import type { ProcessorResult, Upload } from "../../domain/upload.ts";
import type { Storages } from "../storages/storages.ts";
import { requireServable } from "../uploads/find-upload.ts";

/** The default if several processors found a text. */
const DEFAULT_PROCESSOR = "text";

/** The text that a processor found in an upload. */
export interface FoundText {
  readonly upload: Upload;
  readonly processor: string;
  /** As HTTP writes it. It changes with every run, but not when the upload moves to another storage. */
  readonly etag: string;
  /** Of UTF-8. */
  readonly sizeBytes: number;
  readonly key: ObjectKey;
}

interface TextServiceDeps {
  readonly records: Pick<UploadRecords, "find" | "results">;
  readonly storages: Storages;
}

/** Serves the texts that processors found. */
export class TextService {
  readonly #deps: TextServiceDeps;

  constructor(deps: TextServiceDeps) {
    this.#deps = Object.freeze({ ...deps });
  }

  /**
   * Find the text of an upload. While the upload is processed again, this is the text of the previous run.
   *
   * @param processor The processor that made the text. `null`: `text`, or the first processor by name.
   * @throws {StowageError} `upload_not_found`, `upload_in_progress`, `upload_conflict` (quarantined),
   *   `text_not_ready` if there is none yet and the upload is still queued or processing, `text_not_found`,
   *   `storage_*`.
   */
  async open(tenant: TenantId, id: string, processor: string | null): Promise<FoundText> {
    // If the text was just replaced or moved, the second try finds it.
    for (let tries = 0; tries < 2; tries += 1) {
      const found = await this.#find(tenant, id, processor);
      const object = await this.#deps.storages.byId(found.upload.storageId).stat(found.key);
      if (object !== null) return { ...found, sizeBytes: object.sizeBytes };
    }
    throw new StowageError("object_not_found", "Cannot serve text: its object is missing");
  }

  /**
   * The bytes of `range`, or of the whole text.
   *
   * @throws {StowageError} `object_changed` if another run replaced the text since `open`, `storage_*`.
   */
  async read(
    { upload, key }: FoundText,
    range: ByteRange | null,
    signal?: AbortSignal,
  ): Promise<ReadableStream<Uint8Array>> {
    const storage = this.#deps.storages.byId(upload.storageId);
    try {
      return (await storage.retrieve(key, { signal, range: range ?? undefined })).stream;
    } catch (error) {
      if (!isStowageError(error, "object_not_found")) throw error;
      throw new StowageError("object_changed", "Cannot serve text: it was replaced meanwhile", {
        cause: error,
        retryable: true,
      });
    }
  }

  async #find(
    tenant: TenantId,
    id: string,
    processor: string | null,
  ): Promise<Omit<FoundText, "sizeBytes">> {
    const upload = await requireServable(this.#deps.records, tenant, id, "text");
    const results = await this.#deps.records.results(tenant, upload.id);
    const result = choose(results, processor);
    if (result === null) throw noText(upload);
    return { upload, processor: result.name, etag: etagOf(result.textKey), key: result.textKey };
  }
}

type WithText = ProcessorResult & { readonly textKey: ObjectKey };

function choose(results: readonly ProcessorResult[], processor: string | null): WithText | null {
  const texts = results.filter((result): result is WithText => result.textKey !== null);
  const named = texts.find(({ name }) => name === (processor ?? DEFAULT_PROCESSOR));
  return named ?? (processor === null ? texts[0] : undefined) ?? null;
}

/** The name of a text is unique to its run, which writes it once. */
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
  return new StowageError("text_not_found", "Cannot find text: no processor found any");
}
