import { crc32, deflateSync } from "node:zlib";

const u16 = (n: number) => Buffer.from([n & 255, n >> 8]);
const u32 = (n: number) => Buffer.from(new Uint32Array([n]).buffer);
const be16 = (n: number) => u16(n).reverse();
const be32 = (n: number) => u32(n).reverse();
const bytes = (...parts: (string | number | Uint8Array)[]) =>
  Buffer.concat(
    parts.map((part) => {
      if (typeof part === "number") return Buffer.from([part]);
      return typeof part === "string" ? Buffer.from(part, "latin1") : part;
    }),
  );

/** A grey PNG with these chunks before its picture. */
export function png(width: number, height: number, ...chunks: Buffer[]): Buffer {
  const rows = Buffer.alloc(Math.min(1_000_000, (width + 1) * height));
  return bytes(
    "\x89PNG\r\n\x1a\n",
    pngChunk("IHDR", bytes(be32(width), be32(height), 8, 0, 0, 0, 0)),
    ...chunks,
    pngChunk("IDAT", deflateSync(rows)),
    pngChunk("IEND", Buffer.alloc(0)),
  );
}

export function pngChunk(name: string, body: Uint8Array): Buffer {
  const named = bytes(name, body);
  return bytes(be32(body.byteLength), named, be32(crc32(named)));
}

/** The chunk of an animation (https://www.w3.org/TR/png-3/#acTL-chunk). */
export const animationChunk = (frames: number) => pngChunk("acTL", bytes(be32(frames), be32(0)));

/** A JPEG up to its picture, with these segments before its size. */
export function jpeg(width: number, height: number, ...segments: Buffer[]): Buffer {
  return bytes(
    "\xff\xd8",
    jpegSegment(0xe0, bytes("JFIF\0\x01\x01", 0, be16(72), be16(72), 0, 0)),
    ...segments,
    jpegSegment(0xc0, bytes(8, be16(height), be16(width), 1, 1, 0x11, 0)),
    jpegSegment(0xda, bytes(1, 1, 0, 0, 63, 0)),
    "\x00\xff\xd9",
  );
}

export function jpegSegment(marker: number, body: Uint8Array): Buffer {
  return bytes(0xff, marker, be16(body.byteLength + 2), body);
}

/** Exif with an orientation, the large end first as most cameras write it. */
export function exif(orientation: number): Buffer {
  const entry = bytes(be16(274), be16(3), be32(1), be16(orientation), be16(0));
  return jpegSegment(0xe1, bytes("Exif\0\0MM\0\x2a", be32(8), be16(1), entry, be32(0)));
}

/** A GIF of so many pictures of one dot each, with a palette and a comment. */
export function gif(width: number, height: number, frames: number): Buffer {
  const screen = bytes("GIF89a", u16(width), u16(height), 0x80, 0, 0, Buffer.alloc(6, 7));
  const control = bytes("!\xf9", 4, 0, u16(10), 0, 0);
  const image = bytes(",", u16(0), u16(0), u16(1), u16(1), 0, 2, 2, 0x44, 1, 0);
  const comment = bytes("!\xfe", 3, ",;!", 0);
  return bytes(screen, comment, ...Array(frames).fill(bytes(control, image)), ";");
}

/** A lossless WebP, or with `frames` an animation of so many. */
export function webp(width: number, height: number, frames = 0): Buffer {
  const lossless = riffChunk("VP8L", bytes(0x2f, u32((width - 1) | ((height - 1) << 14)), 7));
  const canvas = bytes(u32(width - 1).subarray(0, 3), u32(height - 1).subarray(0, 3));
  const animation = [
    riffChunk("VP8X", bytes(2, 0, 0, 0, canvas)),
    riffChunk("ANIM", Buffer.alloc(6)),
    // An odd length: the next chunk begins behind a byte of padding.
    ...Array(frames).fill(riffChunk("ANMF", bytes(Buffer.alloc(16), lossless, 0))),
  ];
  const body = bytes("WEBP", ...(frames === 0 ? [lossless] : animation));
  return bytes("RIFF", u32(body.byteLength), body);
}

function riffChunk(name: string, body: Buffer): Buffer {
  return bytes(name, u32(body.byteLength), body, Buffer.alloc(body.byteLength % 2));
}

/** Rows from the bottom up, or with a negative height from the top down. */
export function bmp(width: number, height: number): Buffer {
  const header = bytes(u32(40), u32(width), u32(height >>> 0), u16(1), u16(24), Buffer.alloc(24));
  return bytes("BM", u32(54), u32(0), u32(54), header);
}

/** An icon in these sizes. */
export function ico(...sides: number[]): Buffer {
  const entries = sides.map((side) =>
    bytes(side % 256, side % 256, 0, 0, u16(1), u16(32), u32(0), u32(6 + 16 * sides.length)),
  );
  return bytes(u16(0), u16(1), u16(sides.length), ...entries);
}

/** A directory of a TIFF: its tags with their values. */
export type Tags = Readonly<Record<number, number>>;

/** A TIFF whose directories come after the pixels, as scanners write it. */
export function tiff(pages: readonly Tags[], { pixels = 5_000, bigEnd = false, big = false } = {}) {
  const n16 = bigEnd ? be16 : u16;
  const n32 = bigEnd ? be32 : u32;
  const n64 = (n: number) => (bigEnd ? bytes(be32(0), be32(n)) : bytes(u32(n), u32(0)));
  const offset = big ? n64 : n32;
  const head = big ? 16 : 8;
  const sizes = pages.map((tags) => {
    const count = Object.keys(tags).length;
    return big ? 8 + 20 * count + 8 : 2 + 12 * count + 4;
  });
  let at = head + pixels;
  const directories = pages.map((tags, i) => {
    const entries = Object.entries(tags).map(([tag, value]) =>
      bytes(n16(Number(tag)), n16(4), offset(1), big ? bytes(n32(value), n32(0)) : n32(value)),
    );
    at += sizes[i] ?? 0;
    const count = big ? n64(entries.length) : n16(entries.length);
    return bytes(count, ...entries, offset(i === pages.length - 1 ? 0 : at));
  });
  const magic = bytes(bigEnd ? "MM" : "II", n16(big ? 43 : 42));
  const first = big ? bytes(n16(8), n16(0), n64(head + pixels)) : n32(head + pixels);
  return bytes(magic, first, Buffer.alloc(pixels, 0xa5), ...directories);
}

/** A picture in HEIF (ISO/IEC 23008-12): the sizes of its items, without any of them. */
export function heif(brand: string, ...sizes: (readonly [number, number])[]): Buffer {
  const ispe = sizes.map(([width, height]) => box("ispe", u32(0), be32(width), be32(height)));
  const meta = box("meta", u32(0), box("iprp", box("ipco", ...ispe)));
  return bytes(box("ftyp", brand, u32(0), brand), meta, box("mdat", Buffer.alloc(40)));
}

function box(name: string, ...body: (string | Buffer)[]): Buffer {
  const inside = bytes(...body);
  return bytes(be32(8 + inside.byteLength), name, inside);
}
