/** Text as a processor hands it on, with the facts that go into its output. */
export interface CollectedText {
  readonly text: string;
  readonly facts: {
    /** Unicode code points. */
    readonly characters: number;
    /** Runs of anything but white space. */
    readonly words: number;
    /** Whether there was more text than the limit lets through. */
    readonly truncated: boolean;
  };
}

/**
 * Gathers text up to a limit.
 *
 * What comes out is well-formed and free of NUL (which no SQL text column takes), with `\n` for every line
 * ending, no white space at either end, and no more than `limitBytes` of UTF-8, cut between characters.
 */
export class TextCollector {
  readonly #limitBytes: number;
  readonly #pieces: string[] = [];
  #length = 0;
  #cut = false;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** @returns Whether it was taken: nothing is once the limit is passed, and there is no use in more. */
  add(piece: string): boolean {
    // One UTF-16 unit takes at least one byte of UTF-8.
    if (this.#length > this.#limitBytes) {
      this.#cut = true;
      return false;
    }
    // White space at the beginning is no text, however much there is of it.
    const kept = this.#length === 0 ? piece.trimStart() : piece;
    this.#pieces.push(kept);
    this.#length += kept.length;
    return true;
  }

  /** @param cut Whether text is known to be missing already. */
  finish(cut = false): CollectedText {
    const whole = clean(this.#pieces.join(""));
    const text = cutToBytes(whole, this.#limitBytes);
    const truncated = cut || this.#cut || text.length < whole.length;
    return { text, facts: { ...count(text), truncated } };
  }
}

function clean(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\uFFFD").replace(/\r\n?/g, "\n").trim();
}

function cutToBytes(text: string, limitBytes: number): string {
  if (text.length * 3 <= limitBytes) return text;
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(limitBytes));
  return text.slice(0, read);
}

/** One pass without a list of the words: a text may hold millions of them. */
function count(text: string): { characters: number; words: number } {
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
