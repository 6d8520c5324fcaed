import type { DownloadService } from "../application/downloads/download-service.ts";
import type { EventService } from "../application/events/event-service.ts";
import type { HealthService } from "../application/health-service.ts";
import type { ProcessingService } from "../application/processing/processing-service.ts";
import type { TextService } from "../application/processing/text-service.ts";
import type { IdempotentUploads } from "../application/uploads/idempotent-uploads.ts";
import type { TenantLimitsService } from "../application/uploads/tenant-limits-service.ts";
import type { UploadEditor } from "../application/uploads/upload-editor.ts";
import type { UploadService } from "../application/uploads/upload-service.ts";
import type { Authenticator } from "../domain/ports/authenticator.ts";
import type { Signer } from "../domain/ports/signer.ts";

/** The services behind the routes. */
export interface HttpServices {
  readonly authenticator: Authenticator;
  readonly uploads: Pick<UploadService, "get" | "list" | "delete">;
  readonly idempotentUploads: Pick<IdempotentUploads, "upload">;
  readonly tenantLimits: Pick<TenantLimitsService, "of">;
  readonly editor: Pick<UploadEditor, "change">;
  /** Signs cursors. */
  readonly signer: Signer;
  readonly downloads: Pick<DownloadService, "open" | "read">;
  readonly processing: Pick<ProcessingService, "reprocess" | "result">;
  readonly texts: Pick<TextService, "open" | "read">;
  readonly events: Pick<EventService, "follow">;
  readonly health: Pick<HealthService, "ready" | "storages">;
}
