/**
 * Wakes workers. It carries no job: the records are the truth about what must run, so a wake-up may be
 * lost, late or doubled.
 */
export interface JobQueue {
  /** Something may be due. */
  wake(): void;
  /** Call `listener` on every wake-up. @returns How to stop that. */
  onWake(listener: () => void): () => void;
}
