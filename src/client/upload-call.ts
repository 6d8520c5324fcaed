import {
  createForm,
  randomWord,
  type UploadForm,
  type UploadProgress,
  type UploadSource,
} from "./form.ts";
import { toText } from "./names.ts";
import { countBytes, fileProgress, HAS_XHR, IN_BROWSER, sendByXhr } from "./progress.ts";
import type { ClientCall } from "./transport.ts";

/** Options of an upload. */
export interface UploadOptions {
  /** Default: the name of a `File`. */
  readonly filename?: string | undefined;
  /** JSON, at most 2 KiB. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** Whether to process the file on arrival. The service sets the default. */
  readonly autoProcess?: boolean | undefined;
  /** When Stowage removes the upload. */
  readonly expiresAt?: Date | string | undefined;
  /** The SHA-256 in hexadecimal. The service rejects any other file. */
  readonly sha256?: string | undefined;
  /**
   * Calls with the same key return the first upload, for 24 hours. Default: a new key for every call whose source can
   * be read again, so that broken connections can be retried.
   */
  readonly idempotencyKey?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called as bytes are sent. Starts over when the upload is retried. */
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined;
}

/**
 * The call that uploads `source`.
 *
 * @param ownFetch Whether the application passed its own `fetch`, which must then be used.
 * @throws {TypeError} Without a filename, or if `source` is not an {@link UploadSource}.
 */
export async function uploadCall(
  source: UploadSource,
  options: UploadOptions,
  ownFetch: boolean,
): Promise<ClientCall> {
  const { signal, onProgress } = options;
  const filename = options.filename ?? (source as { readonly name?: unknown }).name;
  if (typeof filename !== "string") throw new TypeError("Cannot upload: pass a filename");
  const form = await readable(createForm(source, filename, fieldsOf(options)));
  const key = options.idempotencyKey ?? (form.blob === null ? undefined : randomWord());
  const headers: Record<string, string> = { "Content-Type": form.contentType };
  if (key !== undefined) headers["Idempotency-Key"] = key;
  const onBytes = onProgress && fileProgress(form, onProgress);
  const byXhr = onBytes !== undefined && HAS_XHR && !ownFetch && form.blob !== null;
  const byStream = form.blob === null || (onBytes !== undefined && !byXhr && !IN_BROWSER);
  return {
    method: "POST",
    path: "/upload",
    signal,
    headers,
    body: (ended) =>
      byStream ? countBytes(form.stream(), onBytes ?? (() => {}), ended) : form.blob,
    failure: form.failure,
    repeatable: key !== undefined && form.blob !== null,
    send: byXhr ? sendByXhr(onBytes) : undefined,
  };
}

function fieldsOf(options: UploadOptions): Record<string, string> {
  const { metadata, autoProcess, expiresAt, sha256 } = options;
  const fields: Record<string, string> = {};
  if (autoProcess !== undefined) fields["auto_process"] = String(autoProcess);
  if (metadata !== undefined) fields["metadata"] = JSON.stringify(metadata);
  if (expiresAt !== undefined) fields["expires_at"] = toText(expiresAt);
  if (sha256 !== undefined) fields["sha256"] = sha256;
  return fields;
}

/** Browsers cannot send streams over HTTP/1.1, so read the form first; browsers keep large ones on disk. */
async function readable(form: UploadForm): Promise<UploadForm> {
  if (form.blob !== null || !IN_BROWSER) return form;
  const blob = await new Response(form.stream()).blob();
  const fileBytes = blob.size - form.otherBytes;
  return { ...form, fileBytes, blob, stream: () => blob.stream() };
}
