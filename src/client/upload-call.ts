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

/** What may be said about an upload. */
export interface UploadOptions {
  /** Default: the name of a `File`. */
  readonly filename?: string | undefined;
  /** JSON, at most 2 KiB. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** Whether to process it on arrival. Default: the service's. */
  readonly autoProcess?: boolean | undefined;
  /** When it is to be removed. */
  readonly expiresAt?: Date | string | undefined;
  /** Hexadecimal: the service keeps nothing that is not this file. */
  readonly sha256?: string | undefined;
  /**
   * What makes a repeat answer with the first upload, for 24 hours. Default: one of its own for every call, if
   * the file can be read again: so that a broken connection may be tried again.
   */
  readonly idempotencyKey?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told as bytes leave. It begins anew when the upload is tried again. */
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined;
}

/**
 * The call that uploads `source`.
 *
 * @param ownFetch Whether the application brought a `fetch` of its own, which has to be used then.
 * @throws {TypeError} Without a filename, or for what is no source.
 */
export async function uploadCall(
  source: UploadSource,
  options: UploadOptions,
  ownFetch: boolean,
): Promise<ClientCall> {
  const { signal, onProgress } = options;
  const filename = options.filename ?? (source as { readonly name?: unknown }).name;
  if (typeof filename !== "string") throw new TypeError("Cannot upload: give it a filename");
  const form = await readable(createForm(source, filename, fieldsOf(options)));
  const key = options.idempotencyKey ?? (form.blob === null ? undefined : randomWord());
  const onBytes = onProgress && fileProgress(form, onProgress);
  const byXhr = onBytes !== undefined && HAS_XHR && !ownFetch && form.blob !== null;
  const byStream = form.blob === null || (onBytes !== undefined && !byXhr && !IN_BROWSER);
  return {
    ...{ method: "POST", path: "/upload", signal },
    headers: {
      "Content-Type": form.contentType,
      ...(key === undefined ? {} : { "Idempotency-Key": key }),
    },
    body: (ended) =>
      byStream ? countBytes(form.stream(), onBytes ?? (() => {}), ended) : form.blob,
    failure: form.failure,
    repeatable: key !== undefined && form.blob !== null,
    send: byXhr ? sendByXhr(onBytes) : undefined,
  };
}

function fieldsOf(options: UploadOptions): Record<string, string> {
  const { metadata, autoProcess, expiresAt, sha256 } = options;
  return {
    ...(autoProcess === undefined ? {} : { auto_process: String(autoProcess) }),
    ...(metadata === undefined ? {} : { metadata: JSON.stringify(metadata) }),
    ...(expiresAt === undefined ? {} : { expires_at: toText(expiresAt) }),
    ...(sha256 === undefined ? {} : { sha256 }),
  };
}

/** Browsers send no streams over HTTP/1.1: there the form is gathered first, which they do on disk if it is large. */
async function readable(form: UploadForm): Promise<UploadForm> {
  if (form.blob !== null || !IN_BROWSER) return form;
  const blob = await new Response(form.stream()).blob();
  const fileBytes = blob.size - form.otherBytes;
  return { ...form, fileBytes, blob, stream: () => blob.stream() };
}
