/**
 * Bytes that arrive once, in order, in chunks of any size. A `ReadableStream<Uint8Array>` is one, and so is Node's
 * `IncomingMessage`, so a socket needs no adapter.
 */
export type ByteStream = AsyncIterable<Uint8Array>;

/** The bytes that a driver stores. */
export type Body =
  /** All bytes are in memory. */
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  /** Can be read again from any offset, so that a failed attempt can be repeated. */
  | {
      readonly kind: "replayable";
      readonly sizeBytes: number;
      open(offset: number): ByteStream;
    }
  /** Can be read once. Its length is unknown without `sizeBytes`. */
  | { readonly kind: "once"; readonly sizeBytes?: number | undefined; readonly stream: ByteStream };

/** The length of `body` in bytes, or `undefined` if it is unknown. */
export function bodySize(body: Body): number | undefined {
  return body.kind === "bytes" ? body.bytes.byteLength : body.sizeBytes;
}

/** Read `body` from its beginning. A `once` body can be opened only once. */
export function openBody(body: Body): ByteStream {
  if (body.kind === "bytes") return chunksOf(body.bytes);
  return body.kind === "replayable" ? body.open(0) : body.stream;
}

/** One chunk as a stream, which is empty for zero bytes. */
export async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.byteLength > 0) yield bytes;
}

/** Join chunks into one array. Only for small data. */
export function concatBytes(chunks: readonly Uint8Array[]): Uint8Array {
  const only = chunks[0];
  if (chunks.length === 1 && only !== undefined) return only;
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0));
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}

/**
 * Read a stream that must stay small.
 *
 * @returns All bytes, or `null` as soon as there are more than `limitBytes`. Then the rest is not read.
 */
export async function readAtMost(
  stream: ByteStream,
  limitBytes: number,
): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of stream) {
    total += chunk.byteLength;
    if (total > limitBytes) return null;
    chunks.push(chunk);
  }
  return chunks.length === 0 ? new Uint8Array(0) : concatBytes(chunks);
}

/** Lower-case hexadecimal, two digits per byte. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}
