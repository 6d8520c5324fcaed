import { StowageError } from "./errors.ts";
import { utf8Length } from "./filename.ts";

/** JSON that a caller stores with its file. */
export type Metadata = Readonly<Record<string, unknown>>;

/** Metadata is stored in the record. */
const MAX_BYTES = 2048;

/** Parsing deep JSON costs stack, and real metadata is flat. */
const MAX_DEPTH = 8;

/** @throws {StowageError} `invalid_metadata` */
export function parseMetadata(text: string): Metadata {
  if (utf8Length(text) > MAX_BYTES) throw tooLong();
  try {
    return requireMetadata(JSON.parse(text));
  } catch (error) {
    throw error instanceof SyntaxError ? invalidMetadata("it is not valid JSON") : error;
  }
}

/**
 * Apply a merge patch to metadata: `null` removes a member, objects are merged, other values are replaced.
 *
 * @throws {StowageError} `invalid_metadata` if the patch is too deep, or the result is too deep, too long or inexact.
 * @see https://www.rfc-editor.org/rfc/rfc7396
 */
export function patchMetadata(metadata: Metadata, patch: Metadata | null): Metadata {
  if (patch === null) return {};
  if (isDeeperThan(patch, MAX_DEPTH)) throw tooDeep();
  return requireMetadata(merge(metadata, patch));
}

function merge(target: unknown, patch: Metadata): Metadata {
  const members = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) members.delete(name);
    else members.set(name, isObject(value) ? merge(members.get(name), value) : value);
  }
  // Not by assignment: a member may be named __proto__.
  return Object.fromEntries(members);
}

function requireMetadata(value: unknown): Metadata {
  if (!isObject(value)) throw invalidMetadata("it is not a JSON object");
  if (isDeeperThan(value, MAX_DEPTH)) throw tooDeep();
  if (!isExact(value)) {
    throw invalidMetadata("a number in it is too large to be stored exactly (send it as text)");
  }
  // As it is stored: 1e9 becomes longer.
  if (utf8Length(JSON.stringify(value)) > MAX_BYTES) throw tooLong();
  return value;
}

function isObject(value: unknown): value is Metadata {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(inner, levels - 1));
}

/** Whether every number is exact. A 64-bit id would be rounded. */
function isExact(value: unknown): boolean {
  if (Number.isInteger(value)) return Number.isSafeInteger(value);
  if (typeof value === "number") return Number.isFinite(value);
  return typeof value !== "object" || value === null || Object.values(value).every(isExact);
}

function tooLong(): StowageError {
  return invalidMetadata(`it exceeds ${MAX_BYTES} bytes`);
}

function tooDeep(): StowageError {
  return invalidMetadata(`it is nested deeper than ${MAX_DEPTH} levels`);
}

function invalidMetadata(state: string): StowageError {
  return new StowageError("invalid_metadata", `Cannot use metadata: ${state}`);
}
