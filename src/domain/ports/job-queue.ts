/**
 * Wakes workers. It carries no jobs: those are in the records, so a wake-up may be lost, late or duplicated.
 */
export interface JobQueue {
  /** Something may be due. */
  wake(): void;
  /** Call `listener` on every wake-up. @returns A function that removes the listener. */
  onWake(listener: () => void): () => void;
}
