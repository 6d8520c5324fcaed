import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readImage } from "../../../processors/metadata/image.ts";
import { SILENT } from "../../../src/domain/ports/logger.ts";
import { isStowageError } from "../../../src/processor.ts";
import {
  animationChunk,
  bmp,
  exif,
  gif,
  heif,
  ico,
  jpeg,
  jpegSegment,
  png,
  pngChunk,
  tiff,
  webp,
} from "./pictures.ts";
import { metadataOf } from "./run.ts";

const SVG = "image/svg+xml";
const svg = (attributes: string) =>
  Buffer.from(
    `<?xml version="1.0"?>\n<!DOCTYPE svg [<!ENTITY x "y">]>\n<!-- <svg width="1"> -->\n<svg ${attributes}><rect/></svg>`,
  );
const page = { 256: 1700, 257: 2200 };

describe("metadata of images", () => {
  it.each([
    ["PNG", "image/png", png(40, 24), { type: "png", width: 40, height: 24 }],
    ["an animated PNG", "image/apng", png(4, 2, animationChunk(7)), { frames: 7 }],
    ["JPEG", "image/jpeg", jpeg(40, 24), { type: "jpeg", width: 40, height: 24 }],
    ["a turned JPEG", "image/jpeg", jpeg(40, 24, exif(6)), { width: 40, orientation: 6 }],
    ["GIF", "image/gif", gif(40, 24, 1), { type: "gif", width: 40, height: 24 }],
    ["an animated GIF", "image/gif", gif(40, 24, 12), { width: 40, frames: 12 }],
    ["WebP", "image/webp", webp(40, 24), { type: "webp", width: 40, height: 24 }],
    ["an animated WebP", "image/webp", webp(40, 24, 3), { width: 40, height: 24, frames: 3 }],
    ["AVIF", "image/avif", heif("avif", [40, 24]), { type: "avif", width: 40, height: 24 }],
    [
      "HEIC of tiles",
      "image/heic",
      heif("heic", [512, 512], [4032, 3024], [320, 240]),
      { type: "heic", width: 4032, height: 3024 },
    ],
    ["BMP", "image/bmp", bmp(40, -24), { type: "bmp", width: 40, height: 24 }],
    ["an icon", "image/x-icon", ico(16, 256, 32), { type: "ico", width: 256, frames: 3 }],
    ["TIFF", "image/tiff", tiff([page]), { type: "tiff", width: 1700, height: 2200 }],
    ["SVG", SVG, svg('width="4cm" height="2in"'), { type: "svg", width: 151, height: 192 }],
  ])("reports the size of %s", async (_, contentType, bytes, expected) => {
    const found = await metadataOf(contentType, bytes);
    expect(found).toMatchObject(expected);
    const optional = ["orientation", "frames"].filter((name) => !(name in expected));
    for (const name of optional) expect(found).not.toHaveProperty(name);
  });

  it("counts the pages of a TIFF without their thumbnails, in either byte order", async () => {
    const pages = [{ ...page, 274: 8 }, { 254: 1, 256: 17, 257: 22 }, page];
    for (const layout of [{}, { bigEnd: true }, { big: true }, { big: true, bigEnd: true }]) {
      expect(await metadataOf("image/tiff", tiff(pages, layout))).toEqual({
        type: "tiff",
        width: 1700,
        height: 2200,
        orientation: 8,
        frames: 2,
      });
    }
  });

  it("ends counting the pages of a TIFF where they go round in a circle", async () => {
    const round = tiff([page, page]);
    round.writeUInt32LE(8 + 5_000, round.byteLength - 4);
    const found = await metadataOf("image/tiff", round);
    expect(found).toEqual({ type: "tiff", width: 1700, height: 2200 });
  });

  it.each([
    ["its viewBox", 'viewBox="0 0 300.4,150"', { width: 300, height: 150 }],
    [
      "its viewBox, where only the width is known",
      'width="30" height="100%" viewBox="0 0 4 2"',
      { width: 30, height: 15 },
    ],
    ["nothing", 'width="100%"', {}],
  ])("takes the size of an SVG from %s", async (_, attributes, size) => {
    expect(await metadataOf(SVG, svg(attributes))).toEqual({ type: "svg", ...size });
  });

  it("reads an SVG of a prefix, in UTF-16", async () => {
    const text = '\uFEFF<s:svg xmlns:s="http://www.w3.org/2000/svg" width="3" height="4"/>';
    const found = await metadataOf(SVG, Buffer.from(text, "utf16le"));
    expect(found).toEqual({ type: "svg", width: 3, height: 4 });
  });

  it("finds the size of a JPEG behind more than 64 KiB of previews", async () => {
    const preview = jpegSegment(0xe2, Buffer.alloc(60_000, 1));
    const large = jpeg(40, 24, exif(3), ...Array(10).fill(preview));
    expect(await metadataOf("image/jpeg", large)).toMatchObject({ width: 40, orientation: 3 });
  });

  it("reads no more of an image than its size takes", async () => {
    const endless = png(40, 24, pngChunk("IDAT", Buffer.alloc(5_000_000)));
    let sent = 0;
    const input = {
      contentType: "image/png",
      extension: ".png",
      sizeBytes: endless.byteLength,
      async *stream() {
        for (; sent < endless.byteLength; sent += 8_192) yield endless.subarray(sent, sent + 8_192);
      },
      bytes: () => Promise.reject(new Error("never all of it")),
      text: () => Promise.reject(new Error("it has none")),
    };
    const { signal } = new AbortController();
    await readImage(input, { signal, logger: SILENT, maxTextBytes: 1 });
    expect(sent).toBeLessThan(100_000);
  });

  it.each([
    ["a PNG that claims 10⁹ pixels a side", "image/png", png(1e9, 1e9), "document_too_complex"],
    [
      "a BMP that claims 2³¹ pixels a side",
      "image/bmp",
      bmp(1, 2 ** 31 - 1),
      "document_too_complex",
    ],
    ["an SVG of 10⁹ miles", SVG, svg('width="999999999in" height="1"'), "document_too_complex"],
    ["a PNG without pixels", "image/png", png(0, 24), "document_unreadable"],
    ["a PNG cut off in its size", "image/png", png(40, 24).subarray(0, 20), "document_unreadable"],
    ["a PNG whose chunk never ends", "image/png", endlessChunk(), "document_truncated"],
    ["a JPEG without a size", "image/jpeg", jpeg(1, 1).subarray(0, 20), "document_unreadable"],
    ["a JPEG of endless previews", "image/jpeg", endlessJpeg(), "document_unreadable"],
    ["an animation cut off", "image/gif", gif(9, 9, 5).subarray(0, 70), "document_truncated"],
    [
      "a TIFF cut off before its pages",
      "image/tiff",
      tiff([page]).subarray(0, 4_000),
      "document_truncated",
    ],
    ["a TIFF of nothing", "image/tiff", tiff([{}]), "document_unreadable"],
    ["a GIF that says it is a PNG", "image/png", gif(40, 24, 1), "document_unreadable"],
    ["a page that says it is an SVG", SVG, Buffer.from("<html></html>"), "document_unreadable"],
    ["HEIC of another brand", "image/heic", heif("isom", [4, 4]), "document_unreadable"],
  ])("gives a reason for %s", async (_, contentType, bytes, code) => {
    await expect(metadataOf(contentType, bytes)).rejects.toMatchObject({ code });
  });

  it("makes a size or a reason of any damage, in any chunks", async () => {
    const pictures = [
      ["image/png", png(40, 24, animationChunk(2), pngChunk("tEXt", Buffer.alloc(30)))],
      ["image/jpeg", jpeg(40, 24, exif(6))],
      ["image/gif", gif(40, 24, 3)],
      ["image/webp", webp(40, 24, 3)],
      ["image/avif", heif("avif", [40, 24], [4, 4])],
      ["image/bmp", bmp(40, 24)],
      ["image/x-icon", ico(16, 32)],
      ["image/tiff", tiff([page, page], { pixels: 20 })],
      [SVG, svg('width="4" height="2"')],
    ] as const;
    const damage = fc.record({
      picture: fc.constantFrom(...pictures),
      at: fc.nat({ max: 200 }),
      byte: fc.constantFrom(0, 1, 0x7f, 0x80, 0xff),
      cut: fc.option(fc.nat({ max: 300 })),
      chunkBytes: fc.integer({ min: 1, max: 100 }),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ picture: [type, whole], at, byte, cut, chunkBytes }) => {
        const bytes = Buffer.from(whole.subarray(0, cut ?? undefined));
        if (bytes.byteLength === 0) return;
        bytes[at % bytes.byteLength] = byte;
        const found = await metadataOf(type, bytes, { chunkBytes }).catch(
          (error: unknown) => error,
        );
        if (isStowageError(found)) {
          expect(found.code).toMatch(/^document_(unreadable|truncated|too_complex)$/);
        } else {
          expect(found).toHaveProperty("type");
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

function endlessChunk(): Buffer {
  const picture = png(40, 24, pngChunk("tEXt", Buffer.alloc(4)));
  picture.writeUInt32BE(0xffffffff, 33);
  return picture;
}

function endlessJpeg(): Buffer {
  const preview = jpegSegment(0xe2, Buffer.alloc(65_000, 1));
  return jpeg(40, 24, ...Array(80).fill(preview));
}
