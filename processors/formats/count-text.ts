/** How much text there is. */
export type TextCounts = {
  /** Unicode code points. */
  readonly characters: number;
  /** Runs of anything but white space and control characters. */
  readonly words: number;
};

/** One pass without a list of the words: a text may hold millions of them. */
export function countText(text: string): TextCounts {
  let characters = 0;
  let words = 0;
  let inWord = false;
  for (const character of text) {
    characters += 1;
    const space = isSpace(character);
    if (!space && !inWord) words += 1;
    inWord = !space;
  }
  return { characters, words };
}

function isSpace(character: string): boolean {
  const code = character.charCodeAt(0);
  return code <= 0x20 || (code >= 0xa0 && character.trim() === "");
}
