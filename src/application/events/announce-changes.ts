import type { UploadRecords } from "../../domain/ports/records.ts";
import type { UploadId } from "../../domain/upload-id.ts";

/** The same records, which say which upload each successful change of a visible status was about. */
export function announceChanges(
  records: UploadRecords,
  announce: (id: UploadId) => void,
): UploadRecords {
  /** Resolves as `change` does, having announced the upload of its result, unless there is none. */
  async function told<Result>(
    change: Promise<Result>,
    idOf: (result: NonNullable<Result>) => UploadId,
  ): Promise<Result> {
    const result = await change;
    if (result) announce(idOf(result));
    return result;
  }
  return {
    ...records,
    commit: (...args) => told(records.commit(...args), ({ id }) => id),
    requeue: (...args) => told(records.requeue(...args), ({ upload }) => upload.id),
    claim: (...args) => told(records.claim(...args), ({ upload }) => upload.id),
    finishJob: (...args) => told(records.finishJob(...args), ({ id }) => id),
    retryJob: (job, ...args) => told(records.retryJob(job, ...args), () => job.upload.id),
    async handBackJob(job) {
      await records.handBackJob(job);
      announce(job.upload.id);
    },
    beginDelete: (...args) => told(records.beginDelete(...args), ({ id }) => id),
    async release(reservation, tombstone) {
      await records.release(reservation, tombstone);
      announce(reservation.id);
    },
  };
}
