import type { TextSink } from "./block-writer.ts";

/** Text that is kept for later, up to a limit. */
export class BoundedText implements TextSink {
  text = "";
  readonly #maxLength: number;

  /** @param maxLength In UTF-16 units. The last piece may exceed it. */
  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  add(piece: string): boolean {
    if (this.text.length > this.#maxLength) return false;
    this.text += piece;
    return true;
  }
}
