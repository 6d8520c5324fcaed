import { chunksOf } from "../../../src/domain/bytes.ts";
import type { Extractor } from "../../../src/domain/ports/extractor.ts";
import type { BenchDocument } from "../corpus.ts";

/** As long as those that arrive from the storage of files. */
const CHUNK_BYTES = 64 * 1024;

/** Read `document` as a job does. */
export async function extract(extractor: Extractor, document: BenchDocument): Promise<string> {
  const { bytes, contentType, extension } = document;
  const { text = "" } = await extractor.run({
    processor: "text",
    contentType,
    extension,
    sizeBytes: bytes.byteLength,
    open: async () => chunks(bytes),
    signal: new AbortController().signal,
  });
  return text;
}

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += CHUNK_BYTES) {
    yield* chunksOf(bytes.subarray(at, at + CHUNK_BYTES));
  }
}
