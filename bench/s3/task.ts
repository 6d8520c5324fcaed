/** A task for all contenders. */
export interface Task {
  readonly kind: "put" | "get" | "stream";
  /** Of one object. */
  readonly bytes: number;
  /** How many objects, over how many keys, how many at once. */
  readonly count: number;
  readonly keys: number;
  readonly lanes: number;
}

/** The cost of a task. */
export interface Outcome {
  readonly seconds: number;
  /** Of the contender's process alone. */
  readonly cpuSeconds: number;
}
