import {
  type ByteStream,
  concatBytes,
  findByteOrderMark,
  StowageError,
} from "../../src/processor.ts";

type Decoder = InstanceType<typeof TextDecoder>;

/** Enough for a byte order mark and a declaration. */
const HEAD_BYTES = 256;

/**
 * Decode XML: by its byte order mark, else by the pattern of its first bytes, else by the encoding that it
 * declares, else as UTF-8. Invalid bytes become U+FFFD.
 *
 * @throws {StowageError} `document_unreadable` for an unknown or unsupported encoding.
 * @see https://www.w3.org/TR/xml/#sec-guessing
 */
export async function* decodeXml(bytes: ByteStream): AsyncGenerator<string> {
  let head: Uint8Array[] = [];
  let headBytes = 0;
  let decoder: Decoder | undefined;
  for await (const chunk of bytes) {
    if (decoder !== undefined) {
      yield decoder.decode(chunk, { stream: true });
      continue;
    }
    head.push(chunk);
    headBytes += chunk.byteLength;
    if (headBytes < HEAD_BYTES) continue;
    const start = concatBytes(head);
    head = [];
    decoder = decoderFor(start);
    yield decoder.decode(start, { stream: true });
  }
  const rest = concatBytes(head);
  decoder ??= decoderFor(rest);
  yield decoder.decode(rest);
}

function decoderFor(start: Uint8Array): Decoder {
  try {
    return new TextDecoder(encodingOf(start));
  } catch (error) {
    throw new StowageError(
      "document_unreadable",
      "Cannot read document: its XML is in an unknown encoding",
      { cause: error },
    );
  }
}

/** `TextDecoder` drops the mark of its own encoding, and throws for UTF-32. */
function encodingOf(start: Uint8Array): string {
  const marked = findByteOrderMark(start);
  if (marked !== null) return marked;
  const [a, b] = start;
  if (a === 0x3c && b === 0) return "utf-16le";
  if (a === 0 && b === 0x3c) return "utf-16be";
  const declaration = new TextDecoder("latin1").decode(start.subarray(0, HEAD_BYTES));
  const declared = /^<\?xml\s[^>]*?encoding\s*=\s*["']([^"']+)["']/.exec(declaration)?.[1];
  // The declaration was readable as single bytes, so these cannot be true.
  return declared === undefined || /^utf-?16|^ucs|^unicode/i.test(declared) ? "utf-8" : declared;
}
