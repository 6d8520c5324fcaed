/** Tells what bytes are by looking at them. */
export interface Sniffer {
  /** How many of the first bytes are worth handing over. */
  readonly headBytes: number;
  /**
   * @param head The first bytes of the file; all of it if it is shorter than `headBytes`.
   * @returns A media type without parameters, or `null` where the bytes say nothing.
   */
  sniff(head: Uint8Array): Promise<string | null>;
  /** Whether `head` is text, of whatever kind: what is declared says which, `text/plain` where nothing does. */
  isText(head: Uint8Array): boolean;
}
