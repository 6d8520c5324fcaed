import { type ByteRange, readRangeHeader } from "../../domain/byte-range.ts";
import { RangeNotSatisfiableError, StowageError } from "../../domain/errors.ts";
import { formatRevisionTag, ifMatchNames, ifNoneMatchNames } from "../../domain/etag.ts";
import type { Upload } from "../../domain/upload.ts";
import { findHttpDate } from "./http-date.ts";

/** What the headers of a request are compared with. */
export interface Representation {
  readonly etag: string;
  /** Milliseconds since 1970; headers know whole seconds. `null` where no such time is told. */
  readonly modifiedAt: number | null;
  readonly sizeBytes: number;
}

/** What to answer with. */
export type Selection =
  | { readonly kind: "whole" }
  | { readonly kind: "part"; readonly range: ByteRange }
  | { readonly kind: "not_modified" };

/**
 * Decide what a GET or HEAD is answered with, in the order of RFC 9110, 13.2.2. `Range` counts for GET only
 * (14.2).
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
    throw new StowageError("precondition_failed", "Cannot serve file: it is not the one expected");
  }
  if (isNotModified(headers, file)) return { kind: "not_modified" };
  if (method !== "GET" || !rangeStillHolds(headers, file)) return { kind: "whole" };
  const wanted = readRangeHeader(headers.get("Range"), file.sizeBytes);
  if (wanted.kind === "unsatisfiable") throw new RangeNotSatisfiableError(file.sizeBytes);
  return wanted;
}

/**
 * What `If-Match` of a change asks of the upload object as it is at that moment (RFC 9110, 13.1.1).
 *
 * @returns `undefined` where the header is missing; else throws `precondition_failed` for another object.
 */
export function ifMatchCheck(
  headers: Headers,
): ((upload: Pick<Upload, "revision">) => void) | undefined {
  const expected = headers.get("If-Match");
  if (expected === null) return undefined;
  return ({ revision }) => {
    if (ifMatchNames(expected, formatRevisionTag(revision))) return;
    throw new StowageError("precondition_failed", "Cannot change upload: it has changed");
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

/** What tells no time is never newer: the header is to be ignored then (13.1.4). */
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
