import { isStowageError } from "../../../src/driver.ts";
import type { S3Store } from "../store.ts";
import { abortUpload, isGone, type UploadTarget } from "./uploads.ts";

const TRIES = 3;
/** All tries together: a caller waits behind them. */
const PATIENCE_MS = 10_000;

/**
 * Free what an upload that has failed holds, over a signal of its own. A part that arrived while it was
 * aborted is kept by S3, so it is aborted until it is gone. Never rejects: what made it fail is what counts.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html
 */
export async function abandonUpload(store: S3Store, target: UploadTarget): Promise<void> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  let trouble: unknown = null;
  for (let attempt = 1; attempt <= TRIES && !signal.aborted; attempt += 1) {
    try {
      const wasThere = await abortUpload(store, target, { signal });
      if (!wasThere || (await isGone(store, target, { signal }))) return;
    } catch (error) {
      trouble = error;
      if (isStowageError(error) && !error.retryable) break;
    }
  }
  store.context.logger.warn("s3.parts_left", {
    bucket: store.client.bucket,
    advice: "abort the upload, or let a lifecycle rule remove incomplete multipart uploads",
    error: trouble,
  });
}
