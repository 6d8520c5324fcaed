import { imageSize } from "image-size";
import { type ProcessorContext, type ProcessorInput, StowageError } from "../../src/processor.ts";
import { IMAGES, type ImageFormat } from "../formats/media-types.ts";
import { ByteReader } from "./byte-reader.ts";
import { countFrames } from "./frames.ts";
import { readSvg } from "./svg.ts";
import { readTiff } from "./tiff.ts";

/** What an image states about itself. */
export interface ImageFacts {
  readonly type: ImageFormat;
  /** Pixels as stored, before `orientation` is applied. For several images, the largest. */
  readonly width?: number;
  readonly height?: number;
  /** 1 to 8 (Exif 2.32, 4.6.5). For 6, rotate by 90 degrees clockwise. */
  readonly orientation?: number;
  /** Pictures of an animation, pages of a TIFF or sizes of an icon. Only if there are several. */
  readonly frames?: number;
}

/** Contains the size in every format but JPEG. */
const HEAD_BYTES = 64 * 1024;

/** In a JPEG, previews, profiles and maps may precede the size, in segments of 64 KiB. */
const JPEG_HEAD_BYTES = 4 * 1024 * 1024;

/** Far beyond cameras and scanners. A file that claims more attacks decoders. */
const MAX_SIDE = 1_000_000;

/**
 * Read the size of an image without decoding it. Reads no more than necessary.
 *
 * @throws {StowageError} `document_unreadable` if it is not an image of its type or ends before its size,
 *   `document_too_complex` for sides beyond a million pixels.
 */
export async function readImage(
  input: ProcessorInput,
  context: ProcessorContext,
): Promise<ImageFacts> {
  const formats = IMAGES[input.contentType] ?? [];
  if (formats[0] === "svg") return { type: "svg", ...checked(await readSvg(input, context)) };
  const reader = new ByteReader(input.stream());
  try {
    if (formats[0] === "tiff") return { type: "tiff", ...checked(await readTiff(reader)) };
    const { type, ...size } = await readRaster(reader, formats);
    const frames = await countFrames(type, reader, context.signal);
    return { type, ...checked(size), ...(frames > 1 ? { frames } : {}) };
  } finally {
    await reader.close();
  }
}

type Size = Omit<ImageFacts, "type">;

async function readRaster(
  reader: ByteReader,
  formats: readonly ImageFormat[],
): Promise<Size & { readonly type: ImageFormat }> {
  const head = await reader.peek(HEAD_BYTES);
  const format = formats.includes("jpeg") ? "jpeg" : undefined;
  try {
    return measure(head, formats);
  } catch (error) {
    if (format !== "jpeg" || head.byteLength < HEAD_BYTES) throw error;
    return measure(await reader.peek(JPEG_HEAD_BYTES), formats);
  }
}

function measure(
  head: Uint8Array,
  formats: readonly ImageFormat[],
): Size & { readonly type: ImageFormat } {
  try {
    const { type: name, width, height, orientation } = imageSize(head);
    const type = formats.find((format) => format === (name === "jpg" ? "jpeg" : name));
    if (type === undefined) throw new TypeError(`found ${name}`);
    const turned = orientation !== undefined && orientation >= 1 && orientation <= 8;
    return { type, width, height, ...(turned ? { orientation } : {}) };
  } catch (cause) {
    throw unreadable("it is corrupt or in another format", cause);
  }
}

function checked<T extends Size>(size: T): T {
  const { width = 1, height = 1 } = size;
  if (!(width > 0 && height > 0)) throw unreadable("it has no width or height");
  if (width > MAX_SIDE || height > MAX_SIDE) {
    throw new StowageError(
      "document_too_complex",
      `Cannot read image: it claims a width or height of more than ${MAX_SIDE} pixels`,
    );
  }
  return size;
}

function unreadable(found: string, cause?: unknown): StowageError {
  return new StowageError("document_unreadable", `Cannot read image: ${found}`, { cause });
}
