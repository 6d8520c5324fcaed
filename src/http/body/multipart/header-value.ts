import { trimBlanks } from "./latin1.ts";

/** A header value with parameters: `form-data; name="file"`. */
export interface HeaderValue {
  /** In lower case. */
  readonly word: string;
  /** By name in lower case. The first of repeated parameters wins. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** What separates parameters, or follows the last one. */
const GAP = /[ \t;]*/y;
const NAME = /([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*=[ \t]*/y;
/** What must follow a value. */
const END = /[ \t]*(?:;|$)/y;

/**
 * Parse `text`, leniently where its meaning is unambiguous: blanks around `=`, extra semicolons, missing quotes,
 * quotes within quotes.
 *
 * @returns `null` if it is malformed.
 */
export function findHeaderValue(text: string): HeaderValue | null {
  const [word = ""] = text.split(";", 1);
  const parameters = new Map<string, string>();
  let at = lengthOf(GAP, text, word.length) + word.length;
  while (at < text.length) {
    const name = matchAt(NAME, text, at)?.[1]?.toLowerCase();
    if (name === undefined) return null;
    at += lengthOf(NAME, text, at);
    const parameter = text[at] === '"' ? findQuoted(text, at + 1) : findBare(text, at);
    if (parameter === null) return null;
    if (!parameters.has(name)) parameters.set(name, parameter.value);
    at = parameter.end + lengthOf(GAP, text, parameter.end);
  }
  return { word: trimBlanks(word).toLowerCase(), parameters };
}

interface ParameterValue {
  readonly value: string;
  readonly end: number;
}

/** A value up to its closing quote: the first quote that is followed by the end of a parameter. */
function findQuoted(text: string, start: number): ParameterValue | null {
  let value = "";
  for (let at = start; at < text.length; at += 1) {
    const character = text[at] as string;
    const next = text[at + 1];
    if (character === "\\" && (next === '"' || next === "\\")) {
      value += next;
      at += 1;
    } else if (character === '"' && matchAt(END, text, at + 1) !== null) {
      return { value, end: at + 1 };
    } else {
      value += character;
    }
  }
  return null;
}

function findBare(text: string, start: number): ParameterValue {
  const semicolon = text.indexOf(";", start);
  const end = semicolon < 0 ? text.length : semicolon;
  return { value: trimBlanks(text.slice(start, end)), end };
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function lengthOf(pattern: RegExp, text: string, at: number): number {
  return matchAt(pattern, text, at)?.[0].length ?? 0;
}
