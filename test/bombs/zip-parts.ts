import { constants, crc32, deflateRawSync } from "node:zlib";

/** An entry of a ZIP archive, and what is to be wrong with it. PKWARE APPNOTE 4.3.7 and 4.3.12. */
export interface ZipPart {
  readonly name: string | Uint8Array;
  readonly content?: string | Uint8Array;
  /** Deflated already; then `sizeBytes` and `crc` are to be told too. */
  readonly deflated?: Uint8Array;
  /** What the headers claim, where that differs. */
  readonly sizeBytes?: number;
  readonly crc?: number;
  readonly flags?: number;
  readonly stored?: boolean;
  /** Of the directory's header: 2 bytes id, 2 bytes length, data. */
  readonly extra?: Uint8Array;
  readonly comment?: Uint8Array;
  /** The upper half holds the mode of Unix. */
  readonly attributes?: number;
  /** Where the directory says that its local header is. */
  readonly offset?: number;
}

export interface ZipEnd {
  readonly comment?: Uint8Array;
  /** How many entries the end of the directory claims. */
  readonly entries?: number;
  readonly directoryBytes?: number;
  readonly directoryAt?: number;
}

const UTF_8_NAMES = 0x0800;
const DEFLATED = 8;
/** 2024-09-01: same input, same bytes. */
const DATE = 0x5921;

/** A ZIP archive that is as wrong as it is told to be. */
export function archive(parts: readonly ZipPart[], end: ZipEnd = {}): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const part of parts) {
    const { common, name, body } = headersOf(part);
    const extra = Buffer.from(part.extra ?? []);
    const comment = Buffer.from(part.comment ?? []);
    bodies.push(Buffer.from("PK\x03\x04"), common, name, body);
    const entry = Buffer.from(common);
    entry.writeUInt16LE(extra.length, 24);
    const tail = Buffer.alloc(14);
    tail.writeUInt16LE(comment.length, 0);
    tail.writeUInt32LE(part.attributes ?? 0, 6);
    tail.writeUInt32LE(part.offset ?? at, 10);
    // Made on Unix (3), so that the mode counts.
    directory.push(Buffer.from("PK\x01\x02\x14\x03"), entry, tail, name, extra, comment);
    at += 4 + common.length + name.length + body.length;
  }
  const central = Buffer.concat(directory);
  const last = endOf({
    entries: parts.length,
    directoryBytes: central.length,
    directoryAt: at,
    ...end,
  });
  return Buffer.concat([...bodies, central, last]);
}

/** APPNOTE 4.3.16. */
export function endOf(end: Required<Omit<ZipEnd, "comment">> & ZipEnd): Buffer {
  const comment = Buffer.from(end.comment ?? []);
  const bytes = Buffer.alloc(22);
  bytes.write("PK\x05\x06", "latin1");
  bytes.writeUInt16LE(end.entries, 8);
  bytes.writeUInt16LE(end.entries, 10);
  bytes.writeUInt32LE(end.directoryBytes, 12);
  bytes.writeUInt32LE(end.directoryAt, 16);
  bytes.writeUInt16LE(comment.length, 20);
  return Buffer.concat([bytes, comment]);
}

/** The header as both places have it from the version on (26 bytes), the name, and what is stored. */
export function headersOf(part: ZipPart): { common: Buffer; name: Buffer; body: Buffer } {
  const name = Buffer.from(part.name as string);
  const content = Buffer.from((part.content ?? "") as string);
  const body =
    part.deflated === undefined
      ? part.stored
        ? content
        : deflateRawSync(content)
      : Buffer.from(part.deflated);
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0);
  common.writeUInt16LE(UTF_8_NAMES | (part.flags ?? 0), 2);
  common.writeUInt16LE(part.stored ? 0 : DEFLATED, 4);
  common.writeUInt16LE(DATE, 8);
  common.writeUInt32LE(part.crc ?? crc32(content), 10);
  common.writeUInt32LE(body.length, 14);
  common.writeUInt32LE(part.sizeBytes ?? content.length, 18);
  common.writeUInt16LE(name.length, 22);
  return { common, name, body };
}

/** `head`, then `piece` so many times, then `tail`: deflated without ever being there. */
export function deflatedRepeat(
  head: string,
  piece: string | Uint8Array,
  times: number,
  tail: string,
): Required<Pick<ZipPart, "deflated" | "sizeBytes" | "crc">> {
  const bytes = Buffer.from(piece as string);
  // A full flush ends at a byte and forgets what came before, so its output can be repeated.
  const flushed = (content: string | Uint8Array) =>
    deflateRawSync(content, { level: 9, finishFlush: constants.Z_FULL_FLUSH });
  const once = flushed(bytes);
  const deflated = Buffer.concat([
    flushed(head),
    ...Array.from({ length: times }, () => once),
    deflateRawSync(tail),
  ]);
  let crc = crc32(head);
  for (let i = 0; i < times; i += 1) crc = crc32(bytes, crc);
  const sizeBytes = head.length + bytes.length * times + tail.length;
  return { deflated, sizeBytes, crc: crc32(tail, crc) };
}
