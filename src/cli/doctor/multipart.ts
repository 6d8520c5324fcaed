import { isAbort } from "../../domain/errors.ts";
import { ownKey } from "../../domain/object-key.ts";
import type { MultipartGroup } from "../../domain/ports/storage-driver.ts";
import type { StorageUri } from "../../domain/storage-uri.ts";
import type { Finding } from "./check.ts";
import { toFinding } from "./to-finding.ts";

/** Whether large files can be stored in parts, and whether leftover parts can be found and removed. */
export async function* probeMultipart(
  uri: StorageUri,
  multipart: MultipartGroup,
  signal: AbortSignal,
): AsyncIterable<Finding> {
  const key = ownKey(`probe-${crypto.randomUUID()}`);
  let finished = true;
  async function* attempt(step: string, work: () => Promise<unknown>): AsyncIterable<Finding> {
    try {
      await work();
    } catch (error) {
      if (isAbort(error)) throw error;
      finished = false;
      yield toFinding({ error, uri, step });
    }
  }
  let uploadId: string | undefined;
  try {
    yield* attempt("large files", async () => {
      uploadId = await multipart.create(key, { signal });
    });
    const id = uploadId;
    if (id !== undefined) {
      yield* attempt("list parts", () => multipart.listParts(key, id, { signal }));
    }
  } finally {
    // Without the signal: an upload that was started is aborted even after an interrupt.
    const id = uploadId;
    if (id !== undefined) yield* attempt("abort parts", () => multipart.abort(key, id));
  }
  if (finished)
    yield { status: "ok", text: "large files: parts can be started, listed and aborted" };
  try {
    await multipart.listUploads("", { limit: 1, signal });
  } catch (error) {
    if (isAbort(error)) throw error;
    const { text, ...rest } = toFinding({ error, uri, step: "find orphaned parts" });
    yield { ...rest, status: "warn", text: `${text}; uploads work without it` };
  }
}
