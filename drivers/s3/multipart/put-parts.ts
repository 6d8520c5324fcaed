import {
  type CallOptions,
  isStowageError,
  type ObjectKey,
  type PutOptions,
  type StoredObject,
  type StoredPart,
  StowageError,
  throwIfAborted,
} from "../../../src/driver.ts";
import type { S3Store } from "../store.ts";
import { completeUpload } from "./complete.ts";
import type { Part } from "./parts.ts";
import { abandonUpload, createUpload, sendPart, type UploadTarget } from "./uploads.ts";

/** How long a request that must be decided may go on after its caller gave up. */
const GRACE_MS = 3000;

/** A body that is being received. */
export interface IncomingParts {
  readonly first: Part;
  readonly rest: AsyncGenerator<Part, void, void>;
  /** Stops reading and sending. */
  readonly cut: AbortController;
  /** Aborted by `cut`, and by the caller. */
  readonly scope: AbortSignal;
}

/**
 * Store a body in parts, several at once. If anything fails, the upload is aborted after the last part request
 * has ended: a part that arrived later would stay forever.
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
    // Not aborted at once: without its id the upload could not be removed.
    const uploadId = await withGrace(signal, (late) =>
      createUpload(store, key, { ...options, ...late }),
    );
    const target = { key, uploadId };
    try {
      await onMultipart?.(uploadId);
      const { parts, sizeBytes } = await sendAll(store, target, incoming);
      assertWhole(parts, sizeBytes);
      // Nor is this: a caller who gives up now still learns whether the object is stored.
      return await withGrace(signal, (late) =>
        completeUpload(store, target, parts, { ...options, ...late }),
      );
    } catch (error) {
      await abandonUpload(store, target);
      throw isUploadLost(error) ? uploadLost(error) : error;
    }
  } finally {
    // Closes the source if it was not read to its end.
    await incoming.rest.return();
    leavePool();
  }
}

/** Send every part. Settles when no request is in progress any more; rejects with the first failure. */
async function sendAll(
  store: S3Store,
  target: UploadTarget,
  { first, rest, cut, scope }: IncomingParts,
): Promise<{ parts: StoredPart[]; sizeBytes: number }> {
  const parts: StoredPart[] = [];
  const inFlight = new Set<Promise<void>>();
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
      if (inFlight.size >= store.partsInFlight) await Promise.race(inFlight);
      const release = await store.partsLimit.acquire(scope);
      const sending = sendPart(store, target, part, scope)
        .then((stored) => {
          parts.push(stored);
          part.release();
        }, fail)
        .finally(() => {
          release();
          inFlight.delete(sending);
        });
      inFlight.add(sending);
    }
  } catch (error) {
    fail(error);
  }
  await Promise.all(inFlight);
  if (failure !== undefined) throw failure.error;
  return { parts, sizeBytes };
}

function assertWhole(parts: readonly StoredPart[], sizeBytes: number): void {
  const numbers = new Set(parts.map(({ number }) => number));
  const sent = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  const complete = numbers.size === parts.length && Math.max(...numbers) === parts.length;
  if (complete && sent === sizeBytes) return;
  throw new StowageError("internal", "Cannot complete upload: a part was not sent");
}

/** The code alone is not enough: the body may come from a storage that fails with `object_not_found`. */
function isUploadLost(error: unknown): error is StowageError {
  return isStowageError(error, "object_not_found") && error.data["s3Code"] === "NoSuchUpload";
}

/** Another process or a lifecycle rule aborted the upload. The same put may succeed. */
function uploadLost(cause: StowageError): StowageError {
  return new StowageError(
    "storage_unavailable",
    "Cannot store object: its multipart upload was removed while it was in progress",
    { cause, retryable: true },
  );
}

/** Run `work` with a signal that is aborted `GRACE_MS` after the caller's. */
async function withGrace<Result>(
  signal: AbortSignal | undefined,
  work: (options: CallOptions) => Promise<Result>,
): Promise<Result> {
  if (signal === undefined) return await work({});
  throwIfAborted(signal);
  const late = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const onAbort = (): void => {
    timer = setTimeout(() => late.abort(signal.reason), GRACE_MS);
  };
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await work({ signal: late.signal });
  } finally {
    signal.removeEventListener("abort", onAbort);
    clearTimeout(timer);
  }
}
