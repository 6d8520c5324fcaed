import type { UploadForm, UploadProgress } from "./form.ts";
import type { ClientRequest, Send } from "./transport.ts";

/** The part of `XMLHttpRequest` that is used. In browsers, only it reports upload progress. */
interface Xhr {
  withCredentials: boolean;
  responseType: string;
  readonly status: number;
  readonly response: unknown;
  readonly upload: { onprogress: ((event: { readonly loaded: number }) => void) | null };
  onload: (() => void) | null;
  onerror: (() => void) | null;
  onabort: (() => void) | null;
  open(method: string, url: string): void;
  setRequestHeader(name: string, value: string): void;
  getAllResponseHeaders(): string;
  send(body: Blob): void;
  abort(): void;
}

const { XMLHttpRequest } = globalThis as { readonly XMLHttpRequest?: new () => Xhr };

/** All browsers claim to be Mozilla. Node, Deno, Bun and Workers use their own names. */
export const IN_BROWSER = /^Mozilla\//.test(globalThis.navigator?.userAgent ?? "");

/** Whether `XMLHttpRequest` can report progress. */
export const HAS_XHR = XMLHttpRequest !== undefined;

/** Some runtimes read a Blob in chunks of megabytes, which is too coarse for progress. */
const PIECE_BYTES = 64 * 1024;

/** Convert bytes sent of a form into progress of its file. */
export function fileProgress(
  form: UploadForm,
  onProgress: (progress: UploadProgress) => void,
): (sentBytes: number) => void {
  const { fileBytes: totalBytes, otherBytes } = form;
  let reported = -1;
  return (formBytes) => {
    const sentBytes = Math.max(0, formBytes - otherBytes);
    if (sentBytes === reported) return;
    reported = sentBytes;
    onProgress({ sentBytes, totalBytes });
  };
}

/**
 * Split a stream into pieces and count the bytes read. When `ended` is aborted, the stream fails and releases its
 * source.
 */
export function countBytes(
  stream: ReadableStream<Uint8Array>,
  onBytes: (bytes: number) => void,
  ended: AbortSignal,
): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  let rest = new Uint8Array(0);
  let total = 0;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const end = (): void => {
          controller.error(ended.reason);
          reader.cancel(ended.reason).catch(() => {});
        };
        ended.addEventListener("abort", end, { once: true });
      },
      async pull(controller) {
        while (rest.byteLength === 0) {
          const { done, value } = await reader.read();
          if (done) return controller.close();
          rest = value as Uint8Array<ArrayBuffer>;
        }
        const piece = rest.subarray(0, PIECE_BYTES);
        rest = rest.subarray(PIECE_BYTES);
        total += piece.byteLength;
        controller.enqueue(piece);
        onBytes(total);
      },
      async cancel(reason) {
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Send through `XMLHttpRequest`. */
export function sendByXhr(onBytes: (bytes: number) => void): Send {
  return async ({ method, url, headers, credentials, body, signal }: ClientRequest) => {
    const xhr = new (XMLHttpRequest as new () => Xhr)();
    const stop = (): void => xhr.abort();
    try {
      return await new Promise<Response>((resolve, reject) => {
        xhr.open(method, url);
        xhr.responseType = "arraybuffer";
        xhr.withCredentials = credentials === "include";
        for (const [name, value] of headers) xhr.setRequestHeader(name, value);
        xhr.upload.onprogress = ({ loaded }) => onBytes(loaded);
        xhr.onload = () => resolve(toResponse(xhr));
        xhr.onerror = () => reject(new TypeError("The upload has failed"));
        xhr.onabort = () => reject(signal?.reason);
        signal?.addEventListener("abort", stop, { once: true });
        xhr.send(body as Blob);
      });
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  };
}

function toResponse(xhr: Xhr): Response {
  const lines = xhr.getAllResponseHeaders().trim().split(/\r?\n/);
  const headers = lines
    .map((line) => /^([^:]+):\s*(.*)$/.exec(line))
    .flatMap((match) => (match === null ? [] : [[match[1] ?? "", match[2] ?? ""] as const]));
  const body = [204, 205, 304].includes(xhr.status) ? null : (xhr.response as ArrayBuffer);
  return new Response(body, { status: xhr.status, headers: Object.fromEntries(headers) });
}
