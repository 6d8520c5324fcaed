import { StowageError } from "../../../domain/errors.ts";
import { findMediaType } from "../../../domain/media-type.ts";
import { findHeaderValue } from "./header-value.ts";
import { invalidMultipart } from "./invalid-multipart.ts";
import { bytesOfLatin1 } from "./latin1.ts";
import type { PartHeaders } from "./multipart-reader.ts";

/** What the headers of a part of a form say (RFC 7578, 4). */
export interface Part {
  readonly name: string;
  /** As sent: perhaps a whole path, perhaps empty. `null` if there is none. */
  readonly filename: string | null;
  /** `type/subtype` in lower case; `text/plain` where nothing is said, or nothing that can be read. */
  readonly mediaType: string;
  /** Of a text, as the part says. */
  readonly charset: string | null;
}

const STRICT = { fatal: true, ignoreBOM: true };
const UTF_8 = new TextDecoder("utf-8", STRICT);

/** `Content-Transfer-Encoding`s that change nothing (RFC 2045, 6.2). Others are deprecated (RFC 7578, 4.7). */
const IDENTITY = ["7bit", "8bit", "binary"];

/**
 * Read the headers of a part.
 *
 * @param charset Of names that are not UTF-8, where the form says it.
 * @throws {StowageError} `invalid_multipart`, `invalid_filename`.
 */
export function parsePart(headers: PartHeaders, charset: string | null): Part {
  const disposition = findOnly(headers, "Content-Disposition");
  if (disposition === null) throw invalidMultipart("a part has no Content-Disposition");
  const { word, parameters } = findHeaderValue(disposition) ?? {};
  if (parameters === undefined) {
    throw invalidMultipart("the Content-Disposition of a part cannot be read");
  }
  if (word !== "form-data") {
    throw invalidMultipart("the Content-Disposition of a part is not form-data");
  }
  const encoding = findOnly(headers, "Content-Transfer-Encoding") ?? "binary";
  if (!IDENTITY.includes(encoding.toLowerCase())) throw invalidMultipart("a part is sent encoded");
  const contentType = findOnly(headers, "Content-Type") ?? "";
  return {
    name: nameOf(parameters, charset),
    filename: filenameOf(parameters, charset),
    mediaType: findMediaType(contentType) ?? "text/plain",
    charset: findHeaderValue(contentType)?.parameters.get("charset") ?? null,
  };
}

/**
 * Read bytes as text.
 *
 * @param charset A label of the Encoding Standard, where it is known; else they are UTF-8.
 * @param fallback Another one, for what is not UTF-8 then.
 * @returns `null` if they are not text in it, or there is no such charset.
 * @see https://encoding.spec.whatwg.org/#names-and-labels
 */
export function findText(
  bytes: Uint8Array,
  charset: string | null,
  fallback: string | null,
): string | null {
  try {
    const decoder = charset === null ? UTF_8 : new TextDecoder(charset, STRICT);
    return decoder.decode(bytes);
  } catch {
    return charset === null && fallback !== null ? findText(bytes, fallback, null) : null;
  }
}

function nameOf(parameters: ReadonlyMap<string, string>, charset: string | null): string {
  const sent = parameters.get("name") ?? "";
  if (sent === "") throw invalidMultipart("a part has no name");
  const name = findText(bytesOfLatin1(sent), null, charset);
  if (name === null) throw invalidMultipart("the name of a part is not UTF-8");
  return name;
}

/** `filename*` comes first if it can be read (RFC 6266, 4.3). Browsers do not send it. */
function filenameOf(
  parameters: ReadonlyMap<string, string>,
  charset: string | null,
): string | null {
  const extended = parameters.get("filename*");
  const filename = extended === undefined ? null : findExtended(extended);
  if (filename !== null) return filename;
  const plain = parameters.get("filename");
  if (plain === undefined) {
    if (extended === undefined) return null;
    throw new StowageError("invalid_filename", "Cannot use filename: filename* cannot be read");
  }
  const text = findText(bytesOfLatin1(plain), null, charset);
  if (text !== null) return text;
  throw new StowageError(
    "invalid_filename",
    "Cannot use filename: it is not UTF-8 (name its charset in a field _charset_ before the file)",
  );
}

/** A value as RFC 8187 writes it: its charset, its language, and bytes in percent-encoding. */
function findExtended(value: string): string | null {
  const [, charset, encoded] = /^([^']+)'[^']*'((?:[^%]|%[0-9a-f]{2})*)$/i.exec(value) ?? [];
  if (charset === undefined || encoded === undefined) return null;
  const bytes = encoded.replaceAll(/%(..)/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  return findText(bytesOfLatin1(bytes), charset, null);
}

/** @throws {StowageError} `invalid_multipart` for several values that are not the same. */
function findOnly(headers: PartHeaders, name: string): string | null {
  const values = headers.get(name.toLowerCase()) ?? [];
  if (new Set(values).size > 1) throw invalidMultipart(`a part has two different ${name}`);
  return values[0] ?? null;
}
