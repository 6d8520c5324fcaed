import { StowageError } from "../../../domain/errors.ts";
import { findMediaType } from "../../../domain/media-type.ts";
import { findHeaderValue } from "./header-value.ts";
import { invalidMultipart } from "./invalid-multipart.ts";
import { bytesOfLatin1 } from "./latin1.ts";
import type { PartHeaders } from "./multipart-reader.ts";

/** The headers of a part of a form (RFC 7578, 4). */
export interface Part {
  readonly name: string;
  /** As sent; may be a whole path, or empty. `null` if there is none. */
  readonly filename: string | null;
  /** `type/subtype` in lower case; `text/plain` if missing or malformed. */
  readonly mediaType: string;
  /** The `charset` of its `Content-Type`. */
  readonly charset: string | null;
}

const STRICT = { fatal: true, ignoreBOM: true };
const UTF_8 = new TextDecoder("utf-8", STRICT);

/** `Content-Transfer-Encoding`s without effect (RFC 2045, 6.2). Others are deprecated (RFC 7578, 4.7). */
const IDENTITY = ["7bit", "8bit", "binary"];

/**
 * Parse the headers of a part.
 *
 * @param charset The charset of names that are not UTF-8, if the form declares one.
 * @throws {StowageError} `invalid_multipart`, `invalid_filename`.
 */
export function parsePart(headers: PartHeaders, charset: string | null): Part {
  const disposition = findOnly(headers, "Content-Disposition");
  if (disposition === null) throw invalidMultipart("a part has no Content-Disposition");
  const { word, parameters } = findHeaderValue(disposition) ?? {};
  if (parameters === undefined) {
    throw invalidMultipart("the Content-Disposition of a part is malformed");
  }
  if (word !== "form-data") {
    throw invalidMultipart("the Content-Disposition of a part is not form-data");
  }
  const encoding = findOnly(headers, "Content-Transfer-Encoding") ?? "binary";
  if (!IDENTITY.includes(encoding.toLowerCase()))
    throw invalidMultipart("a part has a Content-Transfer-Encoding");
  const contentType = findOnly(headers, "Content-Type") ?? "";
  return {
    name: nameOf(parameters, charset),
    filename: filenameOf(parameters, charset),
    mediaType: findMediaType(contentType) ?? "text/plain",
    charset: findHeaderValue(contentType)?.parameters.get("charset") ?? null,
  };
}

/**
 * Decode text.
 *
 * @param charset A label of the Encoding Standard; `null` for UTF-8.
 * @param fallback Another label, to try if `charset` is `null` and the bytes are not UTF-8.
 * @returns `null` if the bytes are not valid in the charset, or the label is unknown.
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

/** A well-formed `filename*` wins (RFC 6266, 4.3). Browsers do not send it. */
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
    throw new StowageError("invalid_filename", "Cannot use filename: filename* is malformed");
  }
  const text = findText(bytesOfLatin1(plain), null, charset);
  if (text !== null) return text;
  throw new StowageError(
    "invalid_filename",
    "Cannot use filename: it is not UTF-8 (name its charset in a field _charset_ before the file)",
  );
}

/** An extended value (RFC 8187): charset, language and percent-encoded bytes. */
function findExtended(value: string): string | null {
  const [, charset, encoded] = /^([^']+)'[^']*'((?:[^%]|%[0-9a-f]{2})*)$/i.exec(value) ?? [];
  if (charset === undefined || encoded === undefined) return null;
  const bytes = encoded.replaceAll(/%(..)/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  return findText(bytesOfLatin1(bytes), charset, null);
}

/** @throws {StowageError} `invalid_multipart` for different values. */
function findOnly(headers: PartHeaders, name: string): string | null {
  const values = headers.get(name.toLowerCase()) ?? [];
  if (new Set(values).size > 1) throw invalidMultipart(`a part has conflicting ${name} headers`);
  return values[0] ?? null;
}
