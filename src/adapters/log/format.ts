import {
  getAnsiColorFormatter,
  getTextFormatter,
  type LogRecord,
  sanitizeControlSequences,
  type TextFormatter,
  type TextFormatterOptions,
} from "@logtape/logtape";
import type { Plain, PlainObject } from "./plain.ts";

/** LogTape's level names, and those of the port. */
const LEVEL_NAMES: Readonly<Record<string, string>> = { warning: "warn" };

/** In every line. A field with one of these names gets a `_` at its end. */
const FIXED = new Set(["time", "level", "event"]);

/** Control characters and line ends that JSON does not escape, but terminals and log collectors act on. */
const UNESCAPED = /[\u007f-\u009f\u2028\u2029]/g;

/**
 * One line of JSON per event: `{"time": RFC 3339, "level", "event", …fields}`. LogTape's JSON formatter cannot be used,
 * because its names are fixed and different (`@timestamp`, `message`).
 */
export const formatJson: TextFormatter = (record) => {
  const fields = Object.entries(record.properties).map(([name, value]) => [
    FIXED.has(name) ? `${name}_` : name,
    value,
  ]);
  const time = new Date(record.timestamp).toISOString();
  const level = LEVEL_NAMES[record.level] ?? record.level;
  const event = eventOf(record);
  const line = JSON.stringify({ time, level, event, ...Object.fromEntries(fields) });
  return `${line.replace(UNESCAPED, escapeCharacter)}\n`;
};

/** `12:00:00.000 INF upload.stored driver=local sizeBytes=52031`, with ANSI colours if `colors` is set. */
export function prettyFormatter(colors: boolean): TextFormatter {
  const options: TextFormatterOptions = {
    timestamp: "time",
    level: "ABBR",
    category: () => "",
    format: ({ timestamp, level, record }) =>
      `${timestamp} ${level} ${eventOf(record)}${describeFields(record.properties as PlainObject)}`,
  };
  return colors
    ? getAnsiColorFormatter({ ...options, timestampStyle: "dim", categoryStyle: null })
    : getTextFormatter(options);
}

function eventOf(record: LogRecord): string {
  return String(record.message[0] ?? "");
}

function describeFields(fields: PlainObject): string {
  let words = "";
  let stacks = "";
  for (const [name, value] of Object.entries(fields)) {
    words += ` ${describe(name)}=${describe(isError(value) ? chain(value) : value)}`;
    if (!isError(value) || typeof value["stack"] !== "string") continue;
    for (const line of value["stack"].split("\n")) stacks += `\n    ${safe(line.trim())}`;
  }
  return words + stacks;
}

/** An error and its causes in one line. */
function chain(error: PlainObject): string {
  const code = error["code"];
  const advice = error["advice"];
  const own =
    `${error["message"]}${typeof code === "string" ? ` (${code})` : ""}` +
    (typeof advice === "string" ? `; ${advice}` : "");
  const cause = error["cause"];
  if (cause === undefined || cause === null) return own;
  return `${own} <- ${isError(cause) ? chain(cause) : JSON.stringify(cause)}`;
}

function isError(value: Plain): value is PlainObject {
  return typeof value === "object" && value !== null && "message" in value;
}

/** A single word is shown as it is, anything else as JSON. */
function describe(value: Plain): string {
  if (typeof value === "string" && /^[\w.:/@+*-]+$/.test(value)) return value;
  return safe(JSON.stringify(value));
}

/** Text from outside must not move the cursor or start a new line. */
function safe(text: string): string {
  return sanitizeControlSequences(text, { sgr: "escape", newlines: "escape" });
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
