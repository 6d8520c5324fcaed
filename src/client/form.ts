/** A file to upload. Streams can be read only once, so they are not retried if the connection breaks. */
export type UploadSource =
  | Blob
  | ArrayBuffer
  | Uint8Array
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>;

/** Progress of the file, without form overhead. */
export interface UploadProgress {
  readonly sentBytes: number;
  /** `null` for a stream of unknown length. */
  readonly totalBytes: number | null;
}

/** One file and its fields as `multipart/form-data` (RFC 7578), not yet read. */
export interface UploadForm {
  readonly contentType: string;
  /** Size of the file; `null` for a stream. */
  readonly fileBytes: number | null;
  /** Size of everything around the file. */
  readonly otherBytes: number;
  /** The whole form; `null` if the source is a stream. */
  readonly blob: Blob | null;
  /** The whole form as a stream. Can be called once if the source is a stream. */
  stream(): ReadableStream<Uint8Array>;
  /** The error of the source, if it failed. Runtimes report it as a broken connection. */
  failure(): { readonly error: unknown } | null;
}

/**
 * The form that uploads `source`. Fields come before the file, so that the service knows them when it arrives.
 *
 * @throws {TypeError} If `source` is not an {@link UploadSource}.
 */
export function createForm(
  source: UploadSource,
  filename: string,
  fields: Readonly<Record<string, string>>,
): UploadForm {
  const boundary = `stowage-${randomWord()}`;
  const file = toBlob(source);
  const head = new TextEncoder().encode(headOf(boundary, filename, fields, file?.type ?? ""));
  const tail = new TextEncoder().encode(`\r\n--${boundary}--\r\n`);
  const blob = file && new Blob([head, file, tail]);
  let failure: { readonly error: unknown } | null = null;
  const failed = (error: unknown): void => {
    failure = { error };
  };
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    fileBytes: file?.size ?? null,
    otherBytes: head.byteLength + tail.byteLength,
    blob,
    stream: () => blob?.stream() ?? streamOf(around(head, source as Chunks, tail, failed)),
    failure: () => failure,
  };
}

/** 128 random bits. Not `randomUUID`, which browsers offer only in secure contexts. */
export function randomWord(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

type Chunks = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

function toBlob(source: UploadSource): Blob | null {
  if (source instanceof Blob) return source;
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) {
    return new Blob([source as Uint8Array<ArrayBuffer>]);
  }
  if (source instanceof ReadableStream || Symbol.asyncIterator in Object(source)) return null;
  throw new TypeError("Cannot upload: expected a Blob, bytes, or a stream of bytes");
}

function headOf(
  boundary: string,
  filename: string,
  fields: Readonly<Record<string, string>>,
  type: string,
): string {
  const parts = Object.entries(fields).map(
    ([name, value]) =>
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  // RFC 8187 can encode every name, including quotes, which a plain parameter cannot.
  const name = encodeURIComponent(filename.toWellFormed()).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16)}`,
  );
  const disposition = `Content-Disposition: form-data; name="file"; filename*=UTF-8''${name}`;
  const contentType = `Content-Type: ${/^[\w!#$&^.+/;= -]+$/.test(type) ? type : "application/octet-stream"}`;
  return `${parts.join("")}--${boundary}\r\n${disposition}\r\n${contentType}\r\n\r\n`;
}

async function* around(
  head: Uint8Array,
  file: Chunks,
  tail: Uint8Array,
  failed: (error: unknown) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield head;
  try {
    const chunks = Symbol.asyncIterator in file ? file : chunksOf(file);
    for await (const chunk of chunks as AsyncIterable<Uint8Array>) {
      if (!ArrayBuffer.isView(chunk))
        throw new TypeError("Cannot upload: the stream has a chunk that is not bytes");
      yield chunk;
    }
  } catch (error) {
    failed(error);
    throw error;
  }
  yield tail;
}

/** For browsers whose streams are not async iterable. */
async function* chunksOf(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** Chunks as a stream, pulled one at a time. */
function streamOf(chunks: AsyncGenerator<Uint8Array, void, undefined>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await chunks.return();
      },
    },
    { highWaterMark: 0 },
  );
}
