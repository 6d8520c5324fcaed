type Signature = (start: string) => boolean;

const begins =
  (...starts: readonly string[]): Signature =>
  (start) =>
    starts.some((one) => start.startsWith(one));

const PDF_JUNK_BYTES = 1024;
/** Readers search this far (ISO 32000-1, annex H.3.4.1), and within lines too. */
const PDF: Signature = (start) => start.slice(0, PDF_JUNK_BYTES).includes("%PDF-");
const JPEG = begins("\xff\xd8\xff");
const PNG = begins("\x89PNG\r\n\x1a\n");
/** Also an empty or split archive (APPNOTE.TXT, 4.3). */
const ZIP = begins("PK\x03\x04", "PK\x05\x06", "PK\x07\x08");
/** Encrypted files use the container of the older formats (MS-OFFCRYPTO, 2.3). */
const OOXML = begins("PK\x03\x04", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
/** Windows declares every CSV file as `application/vnd.ms-excel`. Files saved by Office are binary, however old. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern looks for them
const OLD_OFFICE: Signature = (start) => /[\x00-\x08]/.test(start);
const RTF: Signature = (start) => /^\s{0,64}\{\\rt/.test(start);
const RIFF =
  (form: string): Signature =>
  (start) =>
    /^(?:RIFF|RF64|BW64)/.test(start) && start.startsWith(form, 8);
/** The boxes that real files start with (ISO/IEC 14496-12), including QuickTime's. */
const BOXES: Signature = (start) =>
  /^(?:ftyp|styp|moov|moof|mdat|free|skip|wide|pnot|uuid|sidx|emsg|prft)/.test(start.slice(4));
const HEIF: Signature = (start) => start.startsWith("ftyp", 4);
const OGG = begins("OggS");
const EBML = begins("\x1a\x45\xdf\xa3");
const TIFF = begins("II*\0", "MM\0*", "II+\0", "MM\0+");
const GZIP = begins("\x1f\x8b");

/**
 * How every file of a type starts. Lists only types whose formats leave no choice: MP3, for example, may start
 * in too many ways.
 */
const SIGNATURES: ReadonlyMap<string, Signature> = new Map([
  ...one(PDF, "application/pdf", "application/x-pdf"),
  ...one(PNG, "image/png", "image/x-png", "image/apng"),
  ...one(JPEG, "image/jpeg", "image/jpg", "image/pjpeg"),
  ...one(begins("GIF87a", "GIF89a"), "image/gif"),
  ...one(RIFF("WEBP"), "image/webp"),
  ...one(HEIF, "image/avif", "image/heic", "image/heif"),
  ...one(TIFF, "image/tiff"),
  ...one(ZIP, "application/zip", "application/x-zip-compressed", "application/epub+zip"),
  ...one(GZIP, "application/gzip", "application/x-gzip"),
  ...one(
    OLD_OFFICE,
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
  ),
  ...one(RTF, "application/rtf", "text/rtf"),
  ...one(RIFF("WAVE"), "audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"),
  ...one(OGG, "audio/ogg", "video/ogg", "application/ogg"),
  ...one(EBML, "video/webm", "audio/webm", "video/x-matroska"),
  ...one(BOXES, "video/mp4", "audio/mp4", "audio/x-m4a", "video/quicktime"),
]);

const FAMILIES: readonly (readonly [RegExp, Signature])[] = [
  // Flat ones are XML and have types of their own.
  [/^application\/vnd\.oasis\.opendocument\.(?!.*-flat-xml$)/, ZIP],
  [/^application\/vnd\.openxmlformats-officedocument\./, OOXML],
];

function one(signature: Signature, ...types: readonly string[]): (readonly [string, Signature])[] {
  return types.map((type) => [type, signature]);
}

/**
 * Whether bytes that start like this may be of that type.
 *
 * @param head Up to 64 KiB.
 * @param mediaType In lower case, without parameters.
 * @returns `false` only if every file of that type starts differently.
 */
export function mayBe(head: Uint8Array, mediaType: string): boolean {
  if (mediaType.startsWith("text/") && mediaType !== "text/rtf") return mayBeText(head);
  const signature =
    SIGNATURES.get(mediaType) ?? FAMILIES.find(([pattern]) => pattern.test(mediaType))?.[1];
  // One character per byte. `TextDecoder` has no such charset.
  const start = String.fromCharCode(...head.subarray(0, PDF_JUNK_BYTES));
  return signature?.(start) ?? true;
}

/** Control characters without a use in single-byte and East Asian charsets. Shifts and DOS's end of file have one. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern looks for them
const BINARY = /[\x00-\x08\x10-\x19]/;

const TEXTS: readonly (readonly [charset: string, never: RegExp])[] = [
  ["latin1", BINARY],
  // Logs contain bells and colour codes. Binary data is practically never valid UTF-8.
  ["utf-8", /\0/],
  ["utf-16le", BINARY],
  ["utf-16be", BINARY],
];

/** Whether it is text in some charset. @see https://mimesniff.spec.whatwg.org/#sniffing-a-mislabeled-binary-resource */
function mayBeText(head: Uint8Array): boolean {
  if (head.byteLength === 0) return true;
  return TEXTS.some(([charset, never]) => {
    try {
      // `stream`: the head may cut a character in two.
      const text = new TextDecoder(charset, { fatal: true, ignoreBOM: false }).decode(head, {
        stream: true,
      });
      return text !== "" && !never.test(text);
    } catch {
      return false;
    }
  });
}
