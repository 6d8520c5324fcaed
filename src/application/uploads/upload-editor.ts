import { StowageError } from "../../domain/errors.ts";
import type { UploadRecords } from "../../domain/ports/records.ts";
import type { TenantId } from "../../domain/tenant.ts";
import type { Upload } from "../../domain/upload.ts";
import { uploadInProgress, uploadNotFound } from "./upload-service.ts";

/** What is to become of an upload; what is left out stays. */
export interface UploadChanges {
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Milliseconds since 1970; `null` for never. */
  readonly expiresAt?: number | null;
}

/** Whoever has lost so often competes with more than a person. */
const MAX_TRIES = 20;

/** Changes what callers may change of their uploads. */
export class UploadEditor {
  readonly #records: Pick<UploadRecords, "find" | "update">;

  constructor(records: Pick<UploadRecords, "find" | "update">) {
    this.#records = records;
  }

  /**
   * Change an upload. Of changes at the same time none is lost: each is made upon what the others have left.
   *
   * @param decide Says what is to change, and throws if nothing may. Asked again if somebody was faster.
   * @throws {StowageError} `upload_not_found`, `upload_in_progress`, `upload_conflict` after many tries, and
   *   whatever `decide` throws.
   */
  async change(
    tenant: TenantId,
    id: string,
    decide: (upload: Upload) => UploadChanges,
  ): Promise<Upload> {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const upload = await this.#records.find(tenant, id);
      if (upload === null) throw uploadNotFound();
      if (upload.status === "uploading") throw uploadInProgress();
      const changes = decide(upload);
      if (changes.metadata === undefined && changes.expiresAt === undefined) return upload;
      const changed = await this.#records.update(tenant, upload.id, changes, upload.revision);
      if (changed !== null) return changed;
    }
    throw new StowageError(
      "upload_conflict",
      "Cannot change upload: too many others change it at the same time",
      { retryable: true },
    );
  }
}
