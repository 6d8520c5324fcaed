/** One invalid setting. */
export interface ConfigProblem {
  readonly variable: string;
  /** The value, secrets masked, or `nothing`. */
  readonly read: string;
  /** What would be valid. */
  readonly expected: string;
}

/** The environment, or a replacement for it. */
export type Env = Readonly<Record<string, string | undefined>>;
