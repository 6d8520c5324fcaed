import { isStowageError } from "../../domain/errors.ts";
import { redact, redactField } from "./redact.ts";

/** What JSON can hold. */
export type Plain = string | number | boolean | null | readonly Plain[] | PlainObject;
export interface PlainObject {
  readonly [name: string]: Plain;
}

/** A log line is for reading: what exceeds these is cut, and says so. */
const MAX_TEXT = 4096;
const MAX_DEPTH = 6;
const MAX_ENTRIES = 64;
const MAX_NODES = 200;

/** The conversion of one field: what is left of the budget, and whether stacks are wanted. */
interface Conversion {
  nodes: number;
  readonly stacks: boolean;
}

/**
 * Fields as plain data: redacted, bounded in every direction, without cycles. Total: a getter that throws
 * or a hostile proxy becomes a word in brackets.
 *
 * @param stacks Whether errors show their stack. Their code, message and chain of causes they
 *   always show, but below that no message of an error that carries a path.
 */
export function toPlain(fields: Readonly<Record<string, unknown>>, stacks: boolean): PlainObject {
  // Each field has a budget of its own: a huge one takes nothing from its neighbours.
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
  const inner = (item: unknown, name: string) => convert(item, name, depth, conversion);
  if (value instanceof Error || isStowageError(value)) {
    return entries(errorFields(value, conversion.stacks), inner);
  }
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "[date]" : value.toISOString();
  if (value instanceof URL) return inner(value.href, "");
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value) || value instanceof Set) {
    const items = [...value].slice(0, MAX_ENTRIES).map((item) => inner(item, ""));
    const count = Array.isArray(value) ? value.length : value.size;
    return count > MAX_ENTRIES ? [...items, `[${count - MAX_ENTRIES} more]`] : items;
  }
  const named = value instanceof Map || value instanceof Headers ? [...value] : null;
  return entries(named?.map(([key, item]) => [String(key), item]) ?? ownEntries(value), inner);
}

/** Own properties, each read on its own so that one that throws spoils no other. */
function ownEntries(value: object): [string, unknown][] {
  return Object.keys(value).map((key) => {
    try {
      return [key, (value as Record<string, unknown>)[key]];
    } catch {
      return [key, "[unreadable]"];
    }
  });
}

function entries(
  pairs: readonly (readonly [string, unknown])[],
  inner: (item: unknown, name: string) => Plain,
): PlainObject {
  const known = pairs.filter(([, item]) => item !== undefined);
  const shown = known
    .slice(0, MAX_ENTRIES)
    .map(([key, item]) => [cut(redact(key)), inner(item, key)]);
  if (known.length > MAX_ENTRIES) shown.push(["…", `[${known.length - MAX_ENTRIES} more]`]);
  return Object.fromEntries(shown);
}

function errorFields(error: Error, stacks: boolean): [string, unknown][] {
  const { name, cause, code, data, errors } = error as Error & Record<string, unknown>;
  const plainName = name === "Error" || name === "StowageError";
  return [
    ["name", plainName ? undefined : name],
    ["code", code],
    ["message", stacks ? error.message : messageOf(error)],
    ["data", typeof data === "object" && Object.keys(data ?? {}).length > 0 ? data : undefined],
    ["stack", stacks ? error.stack : undefined],
    ["errors", Array.isArray(errors) ? errors : undefined],
    ["cause", cause],
  ];
}

/** A system call's error names the path it was for, and with it tenants and filenames. */
function messageOf(error: Error & { path?: unknown; dest?: unknown; syscall?: unknown }): string {
  const { path, dest, syscall, message } = error;
  if (typeof path !== "string" && typeof dest !== "string") return message;
  return typeof syscall === "string" ? `${syscall} failed` : "system call failed";
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
