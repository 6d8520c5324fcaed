import { StowageError } from "./errors.ts";

/** The last segment of the name that was sent: NFC, 1–255 bytes of UTF-8, no separators, no control characters. */
export type Filename = string & { readonly __brand: "Filename" };

/** The longest name that ext4, APFS, NTFS and ZFS all support, in bytes of UTF-8. */
export const MAX_FILENAME_BYTES = 255;

/** A longer extension counts as part of the name. */
const MAX_EXTENSION_BYTES = 32;

const CONTROL = /\p{Cc}/u;
const LONE_SURROGATE = /\p{Cs}/u;

/** The length of `text` in bytes of UTF-8. */
export function utf8Length(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}

/**
 * Make a filename from the name that a client sent.
 *
 * Browsers send a bare name. Old ones and scripts may send a whole path in either style: the last segment after `/` or
 * `\` counts. Longer names are cut to 255 bytes between two characters and keep their extension.
 *
 * @throws {StowageError} `invalid_filename` for an empty name, `.`, `..`, control characters (NUL, CR, LF
 *   and DEL among them) and lone surrogates.
 */
export function parseFilename(original: string): Filename {
  if (CONTROL.test(original)) throw refuse("it contains control characters");
  if (LONE_SURROGATE.test(original)) throw refuse("it is not well-formed Unicode");
  const segment = original.slice(
    Math.max(original.lastIndexOf("/"), original.lastIndexOf("\\")) + 1,
  );
  const name = segment.normalize("NFC");
  if (name === "") throw refuse("it is empty");
  if (name === "." || name === "..") throw refuse("it names a folder");
  return shorten(name) as Filename;
}

function refuse(reason: string): StowageError {
  return new StowageError("invalid_filename", `Cannot use filename: ${reason}`);
}

function shorten(name: string): string {
  if (utf8Length(name) <= MAX_FILENAME_BYTES) return name;
  const dot = name.lastIndexOf(".");
  const suffix =
    dot > 0 && utf8Length(name.slice(dot)) <= MAX_EXTENSION_BYTES ? name.slice(dot) : "";
  let room = MAX_FILENAME_BYTES - utf8Length(suffix);
  let stem = "";
  for (const character of name.slice(0, name.length - suffix.length)) {
    room -= utf8Length(character);
    if (room < 0) break;
    stem += character;
  }
  return stem + suffix;
}
