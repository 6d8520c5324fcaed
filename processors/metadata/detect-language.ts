import { franc } from "franc-min";
import { findLanguage } from "./facts.ts";

/** With fewer letters, a guess is often wrong. */
const MIN_LETTERS = 200;

/** Detection examines 2,048 characters. Text full of digits and punctuation needs a longer sample. */
const SAMPLE_LENGTH = 16_384;

/** BCP 47 has shorter codes for some languages of ISO 639-3: `ms` for Standard Malay. */
const SHORTER: Readonly<Record<string, string>> = { zlm: "ms" };

/** The most likely language of a text, or `undefined` if the text is too short. */
export function detectLanguage(text: string): string | undefined {
  const letters = text
    .slice(0, SAMPLE_LENGTH)
    .replace(/https?:\S+|\S+@\S+/g, " ")
    .replace(/[^\p{L}\p{M}'’]+/gu, " ");
  // At most every other character is a space.
  if (letters.replaceAll(" ", "").length < MIN_LETTERS) return undefined;
  const code = franc(letters);
  return findLanguage(SHORTER[code] ?? code);
}
