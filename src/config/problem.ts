/** One setting that is wrong. */
export interface ConfigProblem {
  readonly variable: string;
  /** The value, secrets masked, or `nothing`. */
  readonly read: string;
  /** What would be right. */
  readonly expected: string;
}

/** The environment, or whatever stands for it. */
export type Env = Readonly<Record<string, string | undefined>>;
