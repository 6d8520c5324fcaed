import { trimBlanks } from "./latin1.ts";

/** A header that is a word and parameters: `form-data; name="file"`. */
export interface HeaderValue {
  /** In lower case. */
  readonly word: string;
  /** By name in lower case. Of two with one name the first counts. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** What stands between parameters, or behind the last one. */
const GAP = /[ \t;]*/y;
const NAME = /([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*=[ \t]*/y;
/** What has to stand behind a value. */
const END = /[ \t]*(?:;|$)/y;

/**
 * Take `text` apart, as leniently as there is only one way to read it: blanks around `=`, semicolons too many,
 * quotes left out, or inside of quotes.
 *
 * @returns `null` if there is no way to read it.
 */
export function findHeaderValue(text: string): HeaderValue | null {
  const [word = ""] = text.split(";", 1);
  const parameters = new Map<string, string>();
  let at = lengthOf(GAP, text, word.length) + word.length;
  while (at < text.length) {
    const name = matchAt(NAME, text, at)?.[1]?.toLowerCase();
    if (name === undefined) return null;
    at += lengthOf(NAME, text, at);
    const found = text[at] === '"' ? findQuoted(text, at + 1) : findBare(text, at);
    if (found === null) return null;
    if (!parameters.has(name)) parameters.set(name, found.value);
    at = found.end + lengthOf(GAP, text, found.end);
  }
  return { word: trimBlanks(word).toLowerCase(), parameters };
}

interface Found {
  readonly value: string;
  readonly end: number;
}

/** A value up to the quote that ends it: one behind which nothing of it can stand. */
function findQuoted(text: string, start: number): Found | null {
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

function findBare(text: string, start: number): Found {
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
