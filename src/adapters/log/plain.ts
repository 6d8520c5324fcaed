import { isStowageError } from "../../domain/errors.ts";
import { redact, redactField } from "./redact.ts";

/** What JSON can hold. */
export type Plain = string | number | boolean | null | readonly Plain[] | PlainObject;
export interface PlainObject {
  readonly [name: string]: Plain;
}

/** Log lines are for people: whatever exceeds these is cut, and the cut is marked. */
const MAX_TEXT = 4096;
const MAX_DEPTH = 6;
const MAX_ENTRIES = 64;
const MAX_NODES = 200;

/** The conversion of one field. */
interface Conversion {
  /** How many more values may be converted. */
  nodes: number;
  readonly stacks: boolean;
}

/** Converts what a value contains, one level deeper. */
type Inner = (item: unknown, name: string) => Plain;

/**
 * Convert fields to plain data: redacted, limited in size and depth, without cycles. Never throws: a getter that
 * throws or a hostile proxy becomes a word in brackets.
 *
 * @param stacks Whether errors show their stack. Code, message and causes are always shown, but without `stacks`
 *   the messages of errors that carry a path are not.
 */
export function toPlain(fields: Readonly<Record<string, unknown>>, stacks: boolean): PlainObject {
  // Each field has its own budget, so that a huge one does not cut the others.
  const field = (item: unknown, name: string) =>
    convert(item, name, 1, { nodes: MAX_NODES, stacks });
  try {
    return entries(ownEntries(fields), field);
  } catch {
    return { fields: "[unreadable]" };
  }
}

function convert(value: unknown, name: string, depth: number, conversion: Conversion): Plain {
  try {
    if (conversion.nodes-- <= 0 || depth > MAX_DEPTH) return "[…]";
    if (typeof value === "string") return cut(redactField(name, value.slice(0, 2 * MAX_TEXT)));
    if (typeof value === "boolean" || value === null) return value;
    if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
    if (typeof value === "object") return convertObject(value, depth + 1, conversion);
    return typeof value === "bigint" ? String(value) : `[${typeof value}]`;
  } catch {
    return "[unreadable]";
  }
}

function convertObject(value: object, depth: number, conversion: Conversion): Plain {
  const inner: Inner = (item, name) => convert(item, name, depth, conversion);
  if (value instanceof Error || isStowageError(value)) {
    return entries(errorFields(value, conversion.stacks), inner);
  }
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "[date]" : value.toISOString();
  if (value instanceof URL) return inner(value.href, "");
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value) || value instanceof Set) {
    return convertItems([...value], inner);
  }
  const named = value instanceof Map || value instanceof Headers ? [...value] : null;
  return entries(named?.map(([key, item]) => [String(key), item]) ?? ownEntries(value), inner);
}

function convertItems(values: readonly unknown[], inner: Inner): readonly Plain[] {
  const items = values.slice(0, MAX_ENTRIES).map((item) => inner(item, ""));
  const hidden = values.length - items.length;
  return hidden > 0 ? [...items, `[${hidden} more]`] : items;
}

/** Own properties. Each is read separately, so that one that throws does not affect the others. */
function ownEntries(value: object): [string, unknown][] {
  return Object.keys(value).map((key) => {
    try {
      return [key, (value as Record<string, unknown>)[key]];
    } catch {
      return [key, "[unreadable]"];
    }
  });
}

function entries(pairs: readonly (readonly [string, unknown])[], inner: Inner): PlainObject {
  const known = pairs.filter(([, item]) => item !== undefined);
  const shown = known
    .slice(0, MAX_ENTRIES)
    .map(([key, item]) => [cut(redact(key)), inner(item, key)]);
  if (known.length > MAX_ENTRIES) shown.push(["…", `[${known.length - MAX_ENTRIES} more]`]);
  return Object.fromEntries(shown);
}

function errorFields(error: Error, stacks: boolean): [string, unknown][] {
  const { name, cause, code, advice, data, errors } = error as Error & Record<string, unknown>;
  const plainName = name === "Error" || name === "StowageError";
  return [
    ["name", plainName ? undefined : name],
    ["code", code],
    ["message", stacks ? error.message : messageOf(error)],
    ["advice", advice],
    ["data", typeof data === "object" && Object.keys(data ?? {}).length > 0 ? data : undefined],
    ["stack", stacks ? error.stack : undefined],
    ["errors", Array.isArray(errors) ? errors : undefined],
    ["cause", cause],
  ];
}

/** The error of a system call contains its path, and with it tenants and filenames. */
function messageOf(error: Error & { path?: unknown; dest?: unknown; syscall?: unknown }): string {
  const { path, dest, syscall, message } = error;
  if (typeof path !== "string" && typeof dest !== "string") return message;
  return typeof syscall === "string" ? `${syscall} failed` : "system call failed";
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
