import metadata from "../../../processors/metadata.ts";
import text from "../../../processors/text.ts";
import { runProcessor, textFinder } from "../../../src/adapters/extractor/run-processor.ts";
import { SILENT } from "../../../src/domain/ports/logger.ts";

/** What the processor `metadata` makes of a document, as the extractor runs it, beside the real `text`. */
export async function metadataOf(
  contentType: string,
  bytes: Uint8Array,
  { maxTextBytes = 1 << 20, chunkBytes = 7_000 } = {},
): Promise<Readonly<Record<string, unknown>>> {
  const context = { signal: new AbortController().signal, maxTextBytes, logger: SILENT };
  const facts = { contentType, extension: "", sizeBytes: bytes.byteLength };
  async function* stream() {
    for (let at = 0; at < bytes.byteLength; at += chunkBytes) {
      // A copy, so that it may be kept.
      yield Uint8Array.from(bytes.subarray(at, at + chunkBytes));
    }
  }
  const finder = textFinder(text, context);
  return (await runProcessor(metadata, facts, stream(), context, finder)).output;
}
