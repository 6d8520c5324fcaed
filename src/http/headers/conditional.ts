import { type ByteRange, readRangeHeader } from "../../domain/byte-range.ts";
import { RangeNotSatisfiableError, StowageError } from "../../domain/errors.ts";
import { formatRevisionTag, ifMatchNames, ifNoneMatchNames } from "../../domain/etag.ts";
import type { Upload } from "../../domain/upload.ts";
import { findHttpDate } from "./http-date.ts";

/** What conditional headers are compared with. */
export interface Representation {
  readonly etag: string;
  /** Milliseconds since 1970; headers know whole seconds. `null` if unknown. */
  readonly modifiedAt: number | null;
  readonly sizeBytes: number;
}

/** What to respond with. */
export type Selection =
  | { readonly kind: "whole" }
  | { readonly kind: "part"; readonly range: ByteRange }
  | { readonly kind: "not_modified" };

/**
 * Decide what to respond to a GET or HEAD, in the order of RFC 9110, 13.2.2. `Range` applies to GET only (14.2).
 *
 * @throws {StowageError} `precondition_failed`, `range_not_satisfiable`.
 * @see https://www.rfc-editor.org/rfc/rfc9110#name-precedence-of-preconditions
 */
export function selectRepresentation(
  method: string,
  headers: Headers,
  file: Representation,
): Selection {
  if (!preconditionsHold(headers, file)) {
    throw new StowageError(
      "precondition_failed",
      "Cannot serve file: it does not match the precondition",
    );
  }
  if (isNotModified(headers, file)) return { kind: "not_modified" };
  if (method !== "GET" || !rangeStillHolds(headers, file)) return { kind: "whole" };
  const selection = readRangeHeader(headers.get("Range"), file.sizeBytes);
  if (selection.kind === "unsatisfiable") throw new RangeNotSatisfiableError(file.sizeBytes);
  return selection;
}

/**
 * The check that `If-Match` asks for, to run on the upload at the moment of its change (RFC 9110, 13.1.1).
 *
 * @returns Throws `precondition_failed` for another revision; `undefined` without the header.
 */
export function ifMatchCheck(
  headers: Headers,
): ((upload: Pick<Upload, "revision">) => void) | undefined {
  const expected = headers.get("If-Match");
  if (expected === null) return undefined;
  return ({ revision }) => {
    if (ifMatchNames(expected, formatRevisionTag(revision))) return;
    throw new StowageError(
      "precondition_failed",
      "Cannot change upload: it has changed since it was read",
    );
  };
}

function preconditionsHold(headers: Headers, file: Representation): boolean {
  const ifMatch = headers.get("If-Match");
  if (ifMatch !== null) return ifMatchNames(ifMatch, file.etag);
  const since = dateOf(headers, "If-Unmodified-Since");
  return since === null || !isNewer(file, since);
}

function isNotModified(headers: Headers, file: Representation): boolean {
  const ifNoneMatch = headers.get("If-None-Match");
  if (ifNoneMatch !== null) return ifNoneMatchNames(ifNoneMatch, file.etag);
  const since = dateOf(headers, "If-Modified-Since");
  return since !== null && file.modifiedAt !== null && !isNewer(file, since);
}

/** `If-Range` compares strongly: the same tag, or exactly the same time (13.1.5). */
function rangeStillHolds(headers: Headers, file: Representation): boolean {
  const ifRange = headers.get("If-Range")?.trim();
  if (ifRange === undefined || ifRange === file.etag) return true;
  const date = findHttpDate(ifRange);
  if (date === null || file.modifiedAt === null) return false;
  return inSeconds(date) === inSeconds(file.modifiedAt);
}

/** Without a known time the header is ignored (13.1.4), so it is never newer. */
function isNewer({ modifiedAt }: Representation, since: number): boolean {
  return modifiedAt !== null && inSeconds(modifiedAt) > inSeconds(since);
}

function dateOf(headers: Headers, name: string): number | null {
  const text = headers.get(name);
  return text === null ? null : findHttpDate(text.trim());
}

function inSeconds(ms: number): number {
  return Math.floor(ms / 1000);
}
