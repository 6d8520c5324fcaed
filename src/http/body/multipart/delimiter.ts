import { bytesOfLatin1 } from "./latin1.ts";

const CR = 0x0d;

/**
 * The delimiter before each part: CRLF, two dashes and the boundary (RFC 2046, 5.1.1).
 *
 * Searches with Horspool's algorithm. In plain JavaScript it is about as fast as the native searches of Node and
 * Bun, and much faster than Deno's (docs/adr/0015).
 */
export class Delimiter {
  readonly #bytes: Uint8Array;
  /** By byte: how far to advance when it is aligned with the last byte of the delimiter. */
  readonly #steps: Uint8Array;

  /** @param boundary 1 to 70 characters, each one byte. */
  constructor(boundary: string) {
    this.#bytes = bytesOfLatin1(`\r\n--${boundary}`);
    const last = this.byteLength - 1;
    this.#steps = new Uint8Array(256).fill(this.byteLength);
    for (let at = 0; at < last; at += 1) this.#steps[this.#bytes[at] as number] = last - at;
  }

  get byteLength(): number {
    return this.#bytes.byteLength;
  }

  /** Where it first occurs in `bytes`, or -1. */
  indexIn(bytes: Uint8Array): number {
    const delimiter = this.#bytes;
    const steps = this.#steps;
    const last = delimiter.byteLength - 1;
    const lastByte = delimiter[last];
    for (let at = last; at < bytes.byteLength; ) {
      const byte = bytes[at] as number;
      if (byte === lastByte && this.#beginsAt(bytes, at - last, last)) return at - last;
      at += steps[byte] as number;
    }
    return -1;
  }

  /** Where a delimiter starts that is cut off by the end of `bytes`; their length if there is none. */
  cutIn(bytes: Uint8Array): number {
    const start = Math.max(0, bytes.byteLength - this.byteLength + 1);
    // Its only CR is its first byte.
    const at = start + bytes.subarray(start).lastIndexOf(CR);
    const isCut = at >= start && this.#beginsAt(bytes, at, bytes.byteLength - at);
    return isCut ? at : bytes.byteLength;
  }

  /** Whether `bytes` has the first `lengthBytes` of it at `start`. */
  #beginsAt(bytes: Uint8Array, start: number, lengthBytes: number): boolean {
    for (let at = 0; at < lengthBytes; at += 1) {
      if (bytes[start + at] !== this.#bytes[at]) return false;
    }
    return true;
  }
}
