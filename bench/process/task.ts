/** What a contender's process is asked to do. */
export interface Task {
  /** `cold`: read one document with everything begun anew. `close`: leave nothing behind. */
  readonly kind: "read" | "cold" | "close";
  readonly count: number;
}

/** What it took. */
export interface Outcome {
  readonly seconds: number;
  /** Of the contender's process and all that it started. */
  readonly cpuSeconds: number;
  /** The contender's process. */
  readonly ownMib: number;
  /** The largest of the processes that it keeps; 0 if it keeps none. */
  readonly childMib: number;
}
