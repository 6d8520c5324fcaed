/** Prefixes of the office families. The rest names the kind of document. */
const OOXML = "application/vnd.openxmlformats-officedocument";
export const OPEN_DOCUMENT = "application/vnd.oasis.opendocument";

/** Formats with several names, or that more than one processor reads. */
export const PDF = ["application/pdf"];
export const EPUB = ["application/epub+zip"];
export const RTF = ["application/rtf", "text/rtf"];
export const HTML = ["text/html", "application/xhtml+xml"];
export const MAIL = ["message/rfc822"];

/** In Office Open XML, with macros or without, that both processors read. */
export const OFFICE = [
  `${OOXML}.wordprocessingml.document`,
  `${OOXML}.wordprocessingml.template`,
  `${OOXML}.presentationml.presentation`,
  `${OOXML}.presentationml.slideshow`,
  `${OOXML}.presentationml.template`,
  `${OOXML}.spreadsheetml.sheet`,
  `${OOXML}.spreadsheetml.template`,
  "application/vnd.ms-word.document.macroenabled.12",
  "application/vnd.ms-powerpoint.presentation.macroenabled.12",
  "application/vnd.ms-excel.sheet.macroenabled.12",
];

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

/** What files of each type turn out to be, by the names of `image-size`. */
export const IMAGES: Readonly<Record<string, readonly ImageFormat[]>> = {
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
