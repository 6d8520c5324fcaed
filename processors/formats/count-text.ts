/** The size of a text. */
export type TextCounts = {
  /** Unicode code points. */
  readonly characters: number;
  /**
   * Runs of anything but white space and control characters. Chinese and Japanese have no spaces: as in word
   * processors, each character counts, Katakana by runs, and their punctuation separates words.
   */
  readonly words: number;
};

/** One pass without a list of words, because a text may contain millions. */
export function countText(text: string): TextCounts {
  let characters = 0;
  let words = 0;
  let last: Kind = "space";
  for (const character of text) {
    characters += 1;
    const kind = kindOf(character);
    if (kind === "ideograph" || (kind !== "space" && kind !== last)) words += 1;
    last = kind;
  }
  return { characters, words };
}

type Kind = "space" | "letter" | "katakana" | "ideograph";

/** The first code point that may be East Asian. */
const EAST_ASIAN = 0x2e80;
const IDEOGRAPH = /[\p{Script=Han}\p{Script=Hiragana}]/u;
const KATAKANA = /[\p{Script=Katakana}ー\uff70\uff9e\uff9f]/u;
/** East Asian punctuation, and full-width forms other than letters and digits. */
const PUNCTUATION = /[\u3000-\u303f\uff00-\uffef]/u;

function kindOf(character: string): Kind {
  const code = character.codePointAt(0) ?? 0;
  if (isSpace(code, character)) return "space";
  if (code < EAST_ASIAN) return "letter";
  if (IDEOGRAPH.test(character)) return "ideograph";
  if (KATAKANA.test(character)) return "katakana";
  return PUNCTUATION.test(character) && !/[\p{L}\p{N}]/u.test(character) ? "space" : "letter";
}

function isSpace(code: number, character: string): boolean {
  return code <= 0x20 || (code >= 0xa0 && character.trim() === "");
}
