import { StowageError } from "../domain/errors.ts";
import type { ListPosition } from "../domain/ports/records.ts";
import { findUploadId } from "../domain/upload-id.ts";

/** Version, milliseconds since 1970, id. */
const POSITION = /^1\.(0|-?[1-9]\d{0,15})\.([0-9a-f-]{36})$/;

/** A place in a list as one opaque word. The same place gives the same word, two places give two. */
export function formatCursor(position: ListPosition): string {
  return toBase64Url(`1.${position.createdAt}.${position.id}`);
}

/** @throws {StowageError} `invalid_cursor` for everything that {@link formatCursor} does not make. */
export function parseCursor(cursor: string): ListPosition {
  const match = POSITION.exec(fromBase64Url(cursor));
  const id = findUploadId(match?.[2] ?? "");
  if (match === null || id === null) throw invalidCursor();
  const position = { createdAt: Number(match[1]), id };
  // Base64 has several spellings of the same bytes; only one of them is ours.
  if (formatCursor(position) !== cursor) throw invalidCursor();
  return position;
}

function toBase64Url(ascii: string): string {
  return btoa(ascii).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function fromBase64Url(text: string): string {
  try {
    return atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    throw invalidCursor();
  }
}

function invalidCursor(): StowageError {
  return new StowageError(
    "invalid_cursor",
    "Cannot use cursor: it is not a next_cursor of this list",
  );
}
