import { type ProcessorContext, type ProcessorInput, StowageError } from "../../src/processor.ts";
import { type CollectedText, TextCollector } from "./collector.ts";

/** https://encoding.spec.whatwg.org/#decode: a byte order mark outranks every other sign. */
const BYTE_ORDER_MARKS = [
  { encoding: "utf-8", mark: [0xef, 0xbb, 0xbf] },
  { encoding: "utf-16le", mark: [0xff, 0xfe] },
  { encoding: "utf-16be", mark: [0xfe, 0xff] },
] as const;

/**
 * Read plain text: UTF-8 or UTF-16 by its byte order mark, else UTF-8 if it is valid, else windows-1252.
 *
 * Reads no further than the text limit can need, so the size of the document does not matter.
 *
 * @throws {StowageError} `document_unreadable` for bytes that are no text at all.
 */
export async function readPlain(
  input: ProcessorInput,
  context: ProcessorContext,
): Promise<CollectedText> {
  // UTF-16 spends up to two bytes on what UTF-8 says in one; the rest holds a mark and a cut character.
  const { bytes, more } = await readHead(
    input.stream(),
    2 * context.maxTextBytes + 8,
    context.signal,
  );
  const text = new TextCollector(context.maxTextBytes);
  text.add(decode(bytes, more));
  return text.finish(more);
}

async function readHead(
  stream: AsyncIterable<Uint8Array>,
  limitBytes: number,
  signal: AbortSignal,
): Promise<{ bytes: Uint8Array; more: boolean }> {
  let bytes: Uint8Array = new Uint8Array(64 * 1024);
  let length = 0;
  for await (const chunk of stream) {
    signal.throwIfAborted();
    const room = limitBytes - length;
    if (chunk.byteLength > room) {
      return {
        bytes: grow(bytes, length, chunk.subarray(0, room)).subarray(0, limitBytes),
        more: true,
      };
    }
    bytes = grow(bytes, length, chunk);
    length += chunk.byteLength;
  }
  return { bytes: bytes.subarray(0, length), more: false };
}

/** Append in place where there is room, else in an array twice as large. */
function grow(bytes: Uint8Array, length: number, chunk: Uint8Array): Uint8Array {
  const needed = length + chunk.byteLength;
  let roomy = bytes;
  if (needed > bytes.byteLength) {
    roomy = new Uint8Array(Math.max(needed, 2 * bytes.byteLength));
    roomy.set(bytes.subarray(0, length));
  }
  roomy.set(chunk, length);
  return roomy;
}

/** @param more Whether the bytes go on, so that their last character may be cut. */
function decode(bytes: Uint8Array, more: boolean): string {
  const marked = BYTE_ORDER_MARKS.find(({ mark }) => mark.every((byte, i) => bytes[i] === byte));
  if (marked) return new TextDecoder(marked.encoding).decode(bytes, { stream: more });
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: more });
  } catch {
    // windows-1252 gives every byte a meaning; NUL tells that these are no characters.
    if (bytes.includes(0)) {
      throw new StowageError("document_unreadable", "Cannot read text: found binary data");
    }
    return new TextDecoder("windows-1252").decode(bytes);
  }
}
