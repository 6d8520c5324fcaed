/** Tells what bytes are by looking at them. */
export interface Sniffer {
  /** How many of the first bytes are worth handing over. */
  readonly headBytes: number;
  /**
   * @param head The first bytes of the file; all of it if it is shorter than `headBytes`.
   * @returns A media type without parameters, or `null` where the bytes say nothing.
   */
  sniff(head: Uint8Array): Promise<string | null>;
  /**
   * Whether a head of which {@link Sniffer.sniff} says nothing may be of the type that is declared.
   *
   * @param mediaType In lower case, without parameters.
   * @returns `false` only where every real file of that type begins otherwise.
   */
  mayBe(head: Uint8Array, mediaType: string): boolean;
  /** Whether `head` is text, of whatever kind: what is declared says which, `text/plain` where nothing does. */
  isText(head: Uint8Array): boolean;
}
