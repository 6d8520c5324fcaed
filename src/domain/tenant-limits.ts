/** What applies to one tenant: the configuration, overridden where an operator has said so. */
export interface TenantLimits {
  readonly maxUploadBytes: number;
  /** Media types that are accepted, `image/*` for all images. */
  readonly allowedContentTypes: readonly string[];
  readonly autoProcess: boolean;
  /** What it may keep in all; `null`: no limit. */
  readonly quotaBytes: number | null;
  readonly quotaUploads: number | null;
  /** `null`: no limit. */
  readonly requestsPerMinute: number | null;
}

/** What an operator has said about one tenant. What is left out is as the configuration says. */
export type TenantOverrides = Partial<TenantLimits>;

/** What an operator says now. `undefined` leaves a limit to the configuration again. */
export type TenantChanges = {
  readonly [Limit in keyof TenantLimits]?: TenantLimits[Limit] | undefined;
};

/** What applies where `overrides` were said. */
export function limitsWith(configured: TenantLimits, overrides: TenantOverrides): TenantLimits {
  return { ...configured, ...overrides };
}
