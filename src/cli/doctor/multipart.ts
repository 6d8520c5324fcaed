import { isAbort } from "../../domain/errors.ts";
import { ownKey } from "../../domain/object-key.ts";
import type { MultipartGroup } from "../../domain/ports/storage-driver.ts";
import type { StorageUri } from "../../domain/storage-uri.ts";
import type { Finding } from "./check.ts";
import { explain } from "./explain.ts";

/** Whether large files can be stored in parts, and what is left of them be found and removed. */
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
      yield explain({ error, uri, step });
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
    // Without the signal: what was begun is ended even if nobody waits any more.
    const id = uploadId;
    if (id !== undefined) yield* attempt("give up parts", () => multipart.abort(key, id));
  }
  if (finished)
    yield { status: "ok", text: "large files: parts can be begun, listed and given up" };
  try {
    await multipart.listUploads("", { limit: 1, signal });
  } catch (error) {
    if (isAbort(error)) throw error;
    const { text, ...rest } = explain({ error, uri, step: "find orphaned parts" });
    yield { ...rest, status: "warn", text: `${text}; uploads work without it` };
  }
}
