import type { UploadRecords } from "../../domain/ports/records.ts";
import type { UploadId } from "../../domain/upload-id.ts";

/** The same records, but they announce the upload of every successful change of status. */
export function announceChanges(
  records: UploadRecords,
  announce: (id: UploadId) => void,
): UploadRecords {
  /** Announces the upload of the result, if there is one. */
  async function announced<Result>(
    change: Promise<Result>,
    idOf: (result: NonNullable<Result>) => UploadId,
  ): Promise<Result> {
    const result = await change;
    if (result) announce(idOf(result));
    return result;
  }
  return {
    ...records,
    commit: (...args) => announced(records.commit(...args), ({ id }) => id),
    requeue: (...args) => announced(records.requeue(...args), ({ upload }) => upload.id),
    claim: (...args) => announced(records.claim(...args), ({ upload }) => upload.id),
    finishJob: (...args) => announced(records.finishJob(...args), ({ id }) => id),
    retryJob: (job, ...args) => announced(records.retryJob(job, ...args), () => job.upload.id),
    async handBackJob(job) {
      await records.handBackJob(job);
      announce(job.upload.id);
    },
    beginDelete: (...args) => announced(records.beginDelete(...args), ({ id }) => id),
    async release(reservation, tombstone) {
      await records.release(reservation, tombstone);
      announce(reservation.id);
    },
  };
}
