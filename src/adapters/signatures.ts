type Signature = (start: string) => boolean;

const begins =
  (...starts: readonly string[]): Signature =>
  (start) =>
    starts.some((one) => start.startsWith(one));

const PDF_JUNK_BYTES = 1024;
/** Readers look for it that far (ISO 32000-1, annex H.3.4.1), and in the middle of a line too. */
const PDF: Signature = (start) => start.slice(0, PDF_JUNK_BYTES).includes("%PDF-");
const JPEG = begins("\xff\xd8\xff");
const PNG = begins("\x89PNG\r\n\x1a\n");
/** Also an empty one, and one of several (APPNOTE.TXT, 4.3). */
const ZIP = begins("PK\x03\x04", "PK\x05\x06", "PK\x07\x08");
/** With a password it is wrapped in the container of the older formats (MS-OFFCRYPTO, 2.3). */
const OOXML = begins("PK\x03\x04", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
/** Windows says `application/vnd.ms-excel` of every CSV file; what Office itself saved is binary, however old. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
const OLD_OFFICE: Signature = (start) => /[\x00-\x08]/.test(start);
const RTF: Signature = (start) => /^\s{0,64}\{\\rt/.test(start);
const RIFF =
  (form: string): Signature =>
  (start) =>
    /^(?:RIFF|RF64|BW64)/.test(start) && start.startsWith(form, 8);
/** The boxes that real files begin with (ISO/IEC 14496-12), and QuickTime's. */
const BOXES: Signature = (start) =>
  /^(?:ftyp|styp|moov|moof|mdat|free|skip|wide|pnot|uuid|sidx|emsg|prft)/.test(start.slice(4));
const HEIF: Signature = (start) => start.startsWith("ftyp", 4);
const OGG = begins("OggS");
const EBML = begins("\x1a\x45\xdf\xa3");
const TIFF = begins("II*\0", "MM\0*", "II+\0", "MM\0+");
const GZIP = begins("\x1f\x8b");

/**
 * What every file of a type begins with: only types whose formats leave no choice. MP3, older office
 * documents and most of the rest may begin in ways that nobody has listed.
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
  // Flat ones, which are XML, have a type of their own.
  [/^application\/vnd\.oasis\.opendocument\.(?!.*-flat-xml$)/, ZIP],
  [/^application\/vnd\.openxmlformats-officedocument\./, OOXML],
];

function one(signature: Signature, ...types: readonly string[]): (readonly [string, Signature])[] {
  return types.map((type) => [type, signature]);
}

/**
 * Whether bytes that begin like this may be of that type.
 *
 * @param head Up to 64 KiB.
 * @param mediaType In lower case, without parameters.
 * @returns `false` only where every file of that type begins otherwise.
 */
export function mayBe(head: Uint8Array, mediaType: string): boolean {
  if (mediaType.startsWith("text/") && mediaType !== "text/rtf") return mayBeText(head);
  const signature =
    SIGNATURES.get(mediaType) ?? FAMILIES.find(([pattern]) => pattern.test(mediaType))?.[1];
  // A character a byte, which `TextDecoder` has for no charset.
  const start = String.fromCharCode(...head.subarray(0, PDF_JUNK_BYTES));
  return signature?.(start) ?? true;
}

/** What no single-byte or East Asian charset means anything by; tabs, line ends, shifts and DOS's end it may. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const BINARY = /[\x00-\x08\x10-\x19]/;

const TEXTS: readonly (readonly [charset: string, never: RegExp])[] = [
  ["latin1", BINARY],
  // Logs keep bells and colour codes; whatever is UTF-8 is none by chance.
  ["utf-8", /\0/],
  ["utf-16le", BINARY],
  ["utf-16be", BINARY],
];

/** Whether it is text in some charset. @see https://mimesniff.spec.whatwg.org/#sniffing-a-mislabeled-binary-resource */
function mayBeText(head: Uint8Array): boolean {
  if (head.byteLength === 0) return true;
  return TEXTS.some(([charset, never]) => {
    try {
      // `stream`: a character that the head cuts in two is no mistake.
      const text = new TextDecoder(charset, { fatal: true, ignoreBOM: false }).decode(head, {
        stream: true,
      });
      return text !== "" && !never.test(text);
    } catch {
      return false;
    }
  });
}
