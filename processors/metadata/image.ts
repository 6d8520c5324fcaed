import { imageSize } from "image-size";
import { type ProcessorContext, type ProcessorInput, StowageError } from "../../src/processor.ts";
import { ByteReader } from "./byte-reader.ts";
import { countFrames } from "./frames.ts";
import { readSvg } from "./svg.ts";
import { readTiff } from "./tiff.ts";

/** Formats by media type, as `image-size` calls them. */
const FORMATS: Readonly<Record<string, readonly ImageFormat[]>> = {
  "image/png": ["png"],
  "image/apng": ["png"],
  "image/jpeg": ["jpeg"],
  "image/gif": ["gif"],
  "image/webp": ["webp"],
  "image/avif": ["avif", "heif"],
  "image/heic": ["heic", "heif"],
  "image/heif": ["heic", "heif", "avif"],
  "image/tiff": ["tiff"],
  "image/bmp": ["bmp"],
  "image/x-icon": ["ico"],
  "image/vnd.microsoft.icon": ["ico"],
  "image/svg+xml": ["svg"],
};

export type ImageFormat =
  | "png"
  | "jpeg"
  | "gif"
  | "webp"
  | "avif"
  | "heic"
  | "heif"
  | "tiff"
  | "bmp"
  | "ico"
  | "svg";

/** What an image says of itself. */
export interface ImageFacts {
  readonly type: ImageFormat;
  /** Pixels as they are stored, before `orientation` turns them; of the largest of several images. */
  readonly width?: number;
  readonly height?: number;
  /** 1 to 8 (Exif 2.32, 4.6.5): 6 is to be turned right by 90 degrees. */
  readonly orientation?: number;
  /** Pictures of an animation, pages of a TIFF, sizes of an icon; only where there are several. */
  readonly frames?: number;
}

/** Where every format but JPEG has its size. */
const HEAD_BYTES = 64 * 1024;

/** A JPEG may carry previews, profiles and maps before its size, 64 KiB at a time. */
const JPEG_HEAD_BYTES = 4 * 1024 * 1024;

/** No camera or scanner comes near; a file that claims more wants to hurt whoever decodes it. */
const MAX_SIDE = 1_000_000;

/**
 * Read the size of an image. Nothing is decoded, and no more is read than it takes.
 *
 * @throws {StowageError} `document_unreadable` for what is no image of its type or cut off before its size,
 *   `document_too_complex` for sides beyond a million pixels.
 */
export async function readImage(
  input: ProcessorInput,
  context: ProcessorContext,
): Promise<ImageFacts> {
  const formats = FORMATS[input.contentType] ?? [];
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
