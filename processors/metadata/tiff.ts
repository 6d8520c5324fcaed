import { StowageError } from "../../src/processor.ts";
import type { ByteReader } from "./byte-reader.ts";

const TAG = { kind: 254, width: 256, height: 257, orientation: 274 } as const;
/** Value types with their size in bytes: SHORT, LONG, LONG8. */
const BYTES_OF: Readonly<Record<number, 2 | 4 | 8>> = { 3: 2, 4: 4, 16: 8 };

/** TIFF's own tags and those of cameras are a few hundred. */
const MAX_TAGS = 4_096;

/**
 * Read the size of a TIFF and count its pages, without their thumbnails.
 *
 * Directories may be anywhere, usually after the pixels, which are skipped. Counting ends at a directory that
 * points back.
 *
 * @throws {StowageError} `document_unreadable`
 * @see https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf and, for files beyond 4 GiB,
 *   https://www.awaresystems.be/imaging/tiff/bigtiff.html
 */
export async function readTiff(
  reader: ByteReader,
): Promise<{ width: number; height: number; orientation?: number; frames?: number }> {
  const layout = await readHeader(reader);
  const first = await readDirectory(reader, layout);
  const { width = 0, height = 0, orientation = 0 } = first;
  let frames = 1;
  let { next } = first;
  while (next >= reader.position) {
    const page = await readDirectory(reader, { ...layout, next });
    if (((page.kind ?? 0) & 1) === 0) frames += 1;
    next = page.next;
  }
  return {
    width,
    height,
    ...(orientation >= 1 && orientation <= 8 ? { orientation } : {}),
    // If a directory points back, the count is incomplete.
    ...(frames > 1 && next === 0 ? { frames } : {}),
  };
}

interface Layout {
  readonly little: boolean;
  readonly big: boolean;
  /** Where the next directory starts, or 0 after the last. */
  readonly next: number;
}

async function readHeader(reader: ByteReader): Promise<Layout> {
  const head = await reader.take(8);
  const little = head.getUint16(0) === 0x4949;
  const version = head.getUint16(2, little);
  if ((!little && head.getUint16(0) !== 0x4d4d) || (version !== 42 && version !== 43)) {
    throw damaged();
  }
  const big = version === 43;
  const next = big
    ? Number((await reader.take(8)).getBigUint64(0, little))
    : head.getUint32(4, little);
  return { little, big, next };
}

type Directory = { readonly [tag in keyof typeof TAG]?: number } & { readonly next: number };

async function readDirectory(
  reader: ByteReader,
  { little, big, next }: Layout,
): Promise<Directory> {
  if (next < reader.position) throw damaged();
  await reader.skip(next - reader.position);
  const count = await readNumber(reader, big ? 8 : 2, little);
  if (count > MAX_TAGS) throw damaged();
  const entryBytes = big ? 20 : 12;
  const entries = await reader.take(count * entryBytes);
  const values = new Map<number, number>();
  for (let at = 0; at < entries.byteLength; at += entryBytes) {
    const bytes = BYTES_OF[entries.getUint16(at + 2, little)];
    if (bytes === undefined || (bytes === 8 && !big)) continue;
    const value = numberAt(entries, at + (big ? 12 : 8), bytes, little);
    values.set(entries.getUint16(at, little), value);
  }
  const found = Object.entries(TAG).flatMap(([name, tag]) => {
    const value = values.get(tag);
    return value === undefined ? [] : [[name, value]];
  });
  return { ...Object.fromEntries(found), next: await readNumber(reader, big ? 8 : 4, little) };
}

async function readNumber(reader: ByteReader, bytes: 2 | 4 | 8, little: boolean): Promise<number> {
  return numberAt(await reader.take(bytes), 0, bytes, little);
}

function numberAt(view: DataView, at: number, bytes: 2 | 4 | 8, little: boolean): number {
  if (bytes === 8) return Number(view.getBigUint64(at, little));
  return bytes === 4 ? view.getUint32(at, little) : view.getUint16(at, little);
}

function damaged(): StowageError {
  return new StowageError(
    "document_unreadable",
    "Cannot read image: it is corrupt or in another format",
  );
}
