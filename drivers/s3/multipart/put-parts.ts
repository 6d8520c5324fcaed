import {
  isStowageError,
  type ObjectKey,
  type PutOptions,
  type StoredObject,
  type StoredPart,
  StowageError,
} from "../../../src/driver.ts";
import type { S3Store } from "../store.ts";
import { withGrace } from "../wire/grace.ts";
import { abandonUpload } from "./abandon.ts";
import { completeUpload } from "./complete.ts";
import type { Part } from "./parts.ts";
import { createUpload, sendPart, type UploadTarget } from "./uploads.ts";

/** A body on its way in. */
export interface IncomingParts {
  readonly first: Part;
  readonly rest: AsyncGenerator<Part, void, void>;
  /** Ends reading and sending. */
  readonly cut: AbortController;
  /** Aborted by `cut`, and by the caller. */
  readonly scope: AbortSignal;
}

/**
 * Store a body part by part, several at once. Whatever fails, the upload is aborted once no part is under
 * way any more: a part that came later would stay for ever.
 */
export async function putInParts(
  store: S3Store,
  key: ObjectKey,
  incoming: IncomingParts,
  options: PutOptions,
): Promise<StoredObject> {
  const { signal, onMultipart } = options;
  const leavePool = store.pool.join();
  try {
    // Not cut off at once: an upload whose id we never hear could not be aborted.
    const uploadId = await withGrace(signal, (late) =>
      createUpload(store, key, { ...options, ...late }),
    );
    const target = { key, uploadId };
    try {
      await onMultipart?.(uploadId);
      const { parts, sizeBytes } = await sendAll(store, target, incoming);
      assertWhole(parts, sizeBytes);
      // Nor here: who gives up now learns whether the object is there.
      return await withGrace(signal, (late) =>
        completeUpload(store, target, parts, { ...options, ...late }),
      );
    } catch (error) {
      await abandonUpload(store, target);
      throw isUploadLost(error) ? uploadLost(error) : error;
    }
  } finally {
    // Closes a source that was not read to its end.
    await incoming.rest.return();
    leavePool();
  }
}

/** Send every part. Resolves or rejects when none is under way any more; the first failure counts. */
async function sendAll(
  store: S3Store,
  target: UploadTarget,
  { first, rest, cut, scope }: IncomingParts,
): Promise<{ parts: StoredPart[]; sizeBytes: number }> {
  const parts: StoredPart[] = [];
  const underWay = new Set<Promise<void>>();
  let sizeBytes = 0;
  let failure: { readonly error: unknown } | undefined;
  const fail = (error: unknown): void => {
    failure ??= { error };
    cut.abort(error);
  };
  try {
    for (
      let next: IteratorResult<Part, void> = { value: first };
      next.done !== true;
      next = await rest.next()
    ) {
      const part = next.value;
      sizeBytes += part.bytes.byteLength;
      if (underWay.size >= store.partsInFlight) await Promise.race(underWay);
      const release = await store.partsLimit.acquire(scope);
      const sending = sendPart(store, target, part, scope)
        .then((stored) => {
          parts.push(stored);
          part.release();
        }, fail)
        .finally(() => {
          release();
          underWay.delete(sending);
        });
      underWay.add(sending);
    }
  } catch (error) {
    fail(error);
  }
  await Promise.all(underWay);
  if (failure !== undefined) throw failure.error;
  return { parts, sizeBytes };
}

function assertWhole(parts: readonly StoredPart[], sizeBytes: number): void {
  const numbers = new Set(parts.map(({ number }) => number));
  const sent = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  const complete = numbers.size === parts.length && Math.max(...numbers) === parts.length;
  if (complete && sent === sizeBytes) return;
  throw new StowageError("internal", "Cannot complete upload: a part of it was not sent");
}

/** Not every `object_not_found`: the body may be read from a storage of its own. */
function isUploadLost(error: unknown): error is StowageError {
  return isStowageError(error, "object_not_found") && error.data["s3Code"] === "NoSuchUpload";
}

/** Somebody has aborted it under our hands: a janitor, a lifecycle rule. The same put may succeed. */
function uploadLost(cause: StowageError): StowageError {
  return new StowageError(
    "storage_unavailable",
    "Cannot store object: its multipart upload was removed while it was under way",
    { cause, retryable: true },
  );
}
