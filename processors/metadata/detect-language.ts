import { franc } from "franc-min";
import { findLanguage } from "./facts.ts";

/** Below this many letters a guess is often wrong. */
const MIN_LETTERS = 200;

/** Detection looks at 2,048 characters; text of digits and rules may need more to have them. */
const SAMPLE_LENGTH = 16_384;

/** ISO 639-3 has a code for every language, BCP 47 a shorter one: `ms` for Standard Malay. */
const SHORTER: Readonly<Record<string, string>> = { zlm: "ms" };

/** The language that a text is most likely written in, or `undefined` where there is too little of it. */
export function detectLanguage(text: string): string | undefined {
  const letters = text
    .slice(0, SAMPLE_LENGTH)
    .replace(/https?:\S+|\S+@\S+/g, " ")
    .replace(/[^\p{L}\p{M}'’]+/gu, " ");
  // White space is at most every other character here.
  if (letters.replaceAll(" ", "").length < MIN_LETTERS) return undefined;
  const code = franc(letters);
  return findLanguage(SHORTER[code] ?? code);
}
