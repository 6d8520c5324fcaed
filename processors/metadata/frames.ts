import type { ByteReader } from "./byte-reader.ts";

/**
 * Count the pictures in a file, reading from its start.
 *
 * @returns 1 for formats with a single picture.
 * @throws {StowageError} `document_truncated` if the file ends early.
 */
export async function countFrames(
  format: string,
  reader: ByteReader,
  signal: AbortSignal,
): Promise<number> {
  switch (format) {
    case "png":
      return await ofPng(reader, signal);
    case "gif":
      return await ofGif(reader, signal);
    case "webp":
      return await ofWebp(reader, signal);
    case "ico":
      return (await reader.take(6)).getUint16(4, true);
    default:
      return 1;
  }
}

/** The chunk `acTL` comes before the picture. @see https://www.w3.org/TR/png-3/#acTL-chunk */
async function ofPng(reader: ByteReader, signal: AbortSignal): Promise<number> {
  await reader.skip(8);
  for (;;) {
    signal.throwIfAborted();
    const head = await reader.take(8);
    const name = nameAt(head, 4);
    if (name === "acTL") return (await reader.take(4)).getUint32(0);
    if (name === "IDAT" || name === "IEND") return 1;
    await reader.skip(head.getUint32(0) + 4);
  }
}

/** Blocks start with `,` (an image) or `!` (an extension). @see https://www.w3.org/Graphics/GIF/spec-gif89a.txt */
async function ofGif(reader: ByteReader, signal: AbortSignal): Promise<number> {
  const screen = await reader.take(13);
  await reader.skip(colourBytes(screen.getUint8(10)));
  for (let frames = 0; ; ) {
    signal.throwIfAborted();
    const block = (await reader.take(1)).getUint8(0);
    if (block === 0x2c) {
      frames += 1;
      const image = await reader.take(9);
      await reader.skip(colourBytes(image.getUint8(8)) + 1);
    } else if (block === 0x21) {
      await reader.skip(1);
    } else {
      return frames;
    }
    await skipSubBlocks(reader);
  }
}

function colourBytes(flags: number): number {
  return (flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 0x07) + 1);
}

async function skipSubBlocks(reader: ByteReader): Promise<void> {
  for (;;) {
    const length = (await reader.take(1)).getUint8(0);
    if (length === 0) return;
    await reader.skip(length);
  }
}

/** @see https://developers.google.com/speed/webp/docs/riff_container */
async function ofWebp(reader: ByteReader, signal: AbortSignal): Promise<number> {
  const riff = await reader.take(12);
  const end = riff.getUint32(4, true) + 8;
  let frames = 0;
  while (reader.position + 8 <= end) {
    signal.throwIfAborted();
    const head = await reader.take(8);
    const length = head.getUint32(4, true);
    if (nameAt(head, 0) === "VP8X") {
      const flags = (await reader.take(1)).getUint8(0);
      const animated = (flags & 0x02) !== 0;
      if (!animated) return 1;
      await reader.skip(length + (length % 2) - 1);
      continue;
    }
    if (nameAt(head, 0) === "ANMF") frames += 1;
    // A file without `VP8X` has one picture.
    else if (nameAt(head, 0).startsWith("VP8")) return 1;
    // The last chunk's padding may lie past the end.
    await reader.skip(Math.min(length + (length % 2), Math.max(length, end - reader.position)));
  }
  return frames;
}

function nameAt(view: DataView, offset: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(offset + i)));
}
