import { deflateRawSync } from "node:zlib";

/** One entry of a zip file. */
export interface ZipEntry {
  readonly name: string;
  readonly content: string | Uint8Array;
  /** Not compressed. */
  readonly stored?: boolean;
  /** Its sizes follow its bytes, as a streaming writer leaves them. */
  readonly streamed?: boolean;
}

/** The local headers and bytes of a zip file, without a directory: the part that a sniffer sees. */
export function zipFile(...entries: ZipEntry[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(entries.map(localEntry)));
}

function localEntry({ name, content, stored, streamed }: ZipEntry): Buffer {
  const plain = Buffer.from(content as string);
  const data = stored ? plain : deflateRawSync(plain);
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(20, 4);
  header.writeUInt16LE(streamed ? 8 : 0, 6);
  header.writeUInt16LE(stored ? 0 : 8, 8);
  if (!streamed) {
    header.writeUInt32LE(data.length, 18);
    header.writeUInt32LE(plain.length, 22);
  }
  header.writeUInt16LE(Buffer.byteLength(name), 26);
  const parts = [header, Buffer.from(name), data];
  if (streamed) {
    const descriptor = Buffer.alloc(16);
    descriptor.writeUInt32LE(0x08074b50, 0);
    descriptor.writeUInt32LE(data.length, 8);
    descriptor.writeUInt32LE(plain.length, 12);
    parts.push(descriptor);
  }
  return Buffer.concat(parts);
}
