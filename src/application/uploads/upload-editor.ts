import type { UploadRecords } from "../../domain/ports/records.ts";
import type { TenantId } from "../../domain/tenant.ts";
import type { Upload } from "../../domain/upload.ts";
import { requireStored, retryOnConflict } from "./find-upload.ts";

/** Changes to an upload. What you leave out stays as it is. */
export interface UploadChanges {
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** Milliseconds since 1970; `null` for never. */
  readonly expiresAt?: number | null | undefined;
}

/** Changes what callers may change of their uploads. */
export class UploadEditor {
  readonly #records: Pick<UploadRecords, "find" | "update">;

  constructor(records: Pick<UploadRecords, "find" | "update">) {
    this.#records = records;
  }

  /**
   * Change an upload. Concurrent changes are applied one after another; none is lost.
   *
   * @param decide Returns the changes, or throws to refuse them. Called again if the upload has changed meanwhile.
   * @throws {StowageError} `upload_not_found`, `upload_in_progress`, `upload_conflict` after many tries, and
   *   whatever `decide` throws.
   */
  async change(
    tenant: TenantId,
    id: string,
    decide: (upload: Upload) => UploadChanges,
  ): Promise<Upload> {
    return await retryOnConflict(async () => {
      const upload = await requireStored(this.#records, tenant, id);
      const changes = decide(upload);
      if (changes.metadata === undefined && changes.expiresAt === undefined) return upload;
      return await this.#records.update(tenant, upload.id, changes, upload.revision);
    });
  }
}
