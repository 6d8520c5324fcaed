/** The limits of one tenant: the configuration with the overrides of operators. */
export interface TenantLimits {
  readonly maxUploadBytes: number;
  /** Media types that are accepted, `image/*` for all images. */
  readonly allowedContentTypes: readonly string[];
  readonly autoProcess: boolean;
  /** Its quota; `null`: no limit. */
  readonly quotaBytes: number | null;
  readonly quotaUploads: number | null;
  /** `null`: no limit. */
  readonly requestsPerMinute: number | null;
}

/** The overrides of one tenant. The configuration applies to the rest. */
export type TenantOverrides = Partial<TenantLimits>;

/** Changes of overrides. `undefined` removes an override. */
export type TenantChanges = {
  readonly [Limit in keyof TenantLimits]?: TenantLimits[Limit] | undefined;
};

/** The configured limits with `overrides`. */
export function limitsWith(configured: TenantLimits, overrides: TenantOverrides): TenantLimits {
  return { ...configured, ...overrides };
}
