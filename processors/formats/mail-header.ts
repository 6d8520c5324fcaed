import { concatBytes } from "../../src/processor.ts";
import { decodeText } from "./charset.ts";

/** Servers accept a few hundred KiB at most. */
export const MAX_HEADER_BYTES = 1024 * 1024;

const CR = 0x0d;
const LF = 0x0a;

/** The header of a message, including the empty line that ends it. */
export function headerOf(bytes: Uint8Array): Uint8Array {
  const head = bytes.subarray(0, MAX_HEADER_BYTES);
  for (let at = head.indexOf(LF); at >= 0; at = head.indexOf(LF, at + 1)) {
    const next = head[at + 1] === CR ? at + 2 : at + 1;
    if (head[next] === LF) return head.subarray(0, next + 1);
  }
  return head;
}

/**
 * Convert the header to UTF-8. Old programs write names and subjects as bytes of their own charset, although
 * RFC 2047 requires them to be encoded and RFC 6532 allows only UTF-8.
 *
 * @returns The message with its header in UTF-8; the same bytes if nothing had to change.
 */
export async function withReadableHeader(message: Uint8Array): Promise<Uint8Array> {
  const header = headerOf(message);
  if (isUtf8(header)) return message;
  let text = "";
  for await (const piece of decodeText(once(header), findCharset)) text += piece;
  return concatBytes([new TextEncoder().encode(text), message.subarray(header.byteLength)]);
}

/** The charset of the body, which the same program wrote. */
function findCharset(head: string): string | null {
  return (
    /^content-type:[^\n]*(?:\r?\n[ \t][^\n]*)*?\bcharset="?([\w.:-]+)/im.exec(head)?.[1] ?? null
  );
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
