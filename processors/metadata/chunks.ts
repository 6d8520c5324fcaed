/** Bytes at hand as they would come from a stream, so that a reader may stop early. */
export async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += CHUNK_BYTES) {
    yield bytes.subarray(at, at + CHUNK_BYTES);
  }
}

const CHUNK_BYTES = 64 * 1024;
