/** A task for a contender's process. */
export interface Task {
  /** `cold`: read one document with a new contender. `close`: clean up. */
  readonly kind: "read" | "cold" | "close";
  readonly count: number;
}

/** The cost of a task. */
export interface Outcome {
  readonly seconds: number;
  /** Of the contender's process and all that it started. */
  readonly cpuSeconds: number;
  /** The contender's process. */
  readonly ownMib: number;
  /** The largest of its child processes, or 0. */
  readonly childMib: number;
}
