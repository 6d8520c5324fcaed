import { type ByteStream, concatBytes, StowageError } from "../../src/processor.ts";

type Decoder = InstanceType<typeof TextDecoder>;

/** Enough for a byte order mark and a declaration. */
const HEAD_BYTES = 256;

/**
 * Decode XML: by its byte order mark, else by the pattern of its first bytes, else by the encoding that it
 * declares, else UTF-8. Bytes that mean nothing become U+FFFD.
 *
 * @throws {StowageError} `document_unreadable` if it declares an encoding that nobody knows.
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

/** A TextDecoder drops the mark of its own encoding. */
function encodingOf(start: Uint8Array): string {
  const [a, b] = start;
  if ((a === 0xff && b === 0xfe) || (a === 0x3c && b === 0)) return "utf-16le";
  if ((a === 0xfe && b === 0xff) || (a === 0 && b === 0x3c)) return "utf-16be";
  if (a === 0xef && b === 0xbb) return "utf-8";
  const declaration = new TextDecoder("latin1").decode(start.subarray(0, HEAD_BYTES));
  const declared = /^<\?xml\s[^>]*?encoding\s*=\s*["']([^"']+)["']/.exec(declaration)?.[1];
  // Read as single bytes, it cannot be in what it says.
  return declared === undefined || /^utf-?16|^ucs|^unicode/i.test(declared) ? "utf-8" : declared;
}
