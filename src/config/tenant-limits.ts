import type { Config } from "../config.ts";
import type { TenantLimits } from "../domain/tenant-limits.ts";

/** The limits of tenants without limits of their own. */
export function configuredLimits({ uploads, server }: Config): TenantLimits {
  return {
    maxUploadBytes: uploads.maxBytes,
    allowedContentTypes: uploads.allowedContentTypes,
    autoProcess: uploads.autoProcess,
    quotaBytes: uploads.quotaBytes,
    quotaUploads: uploads.quotaUploads,
    requestsPerMinute: server.requestsPerMinute.tenant,
  };
}
