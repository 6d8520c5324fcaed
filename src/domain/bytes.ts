/**
 * Bytes that arrive once, in order, in chunks of the sender's choosing. A `ReadableStream<Uint8Array>` is
 * one, and so is Node's `IncomingMessage`: the shortest way from a socket to a driver has no adapter in it.
 */
export type ByteStream = AsyncIterable<Uint8Array>;

/** What a driver is asked to store. */
export type Body =
  /** All of it is at hand. */
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  /** It can be read again from any offset, so a failed attempt can be repeated. */
  | {
      readonly kind: "replayable";
      readonly sizeBytes: number;
      open(offset: number): ByteStream;
    }
  /** It can be read once; its length is known only where `sizeBytes` is given. */
  | { readonly kind: "once"; readonly sizeBytes?: number | undefined; readonly stream: ByteStream };

/** The length of `body` in bytes, or `undefined` where only reading it will tell. */
export function bodySize(body: Body): number | undefined {
  return body.kind === "bytes" ? body.bytes.byteLength : body.sizeBytes;
}

/** Read `body` from its beginning. A `once` body can be opened a single time. */
export function openBody(body: Body): ByteStream {
  if (body.kind === "bytes") return chunksOf(body.bytes);
  return body.kind === "replayable" ? body.open(0) : body.stream;
}

/** One chunk as a stream; nothing at all for zero bytes. */
export async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.byteLength > 0) yield bytes;
}

/** Join chunks into one array. Only for things that are small by nature. */
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
 * @returns All bytes, or `null` as soon as there are more than `limitBytes`; the rest is not read then.
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

/** Lower-case hexadecimal, two digits a byte. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}
