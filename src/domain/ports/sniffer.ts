/** Detects the media type of bytes. */
export interface Sniffer {
  /** How many of the first bytes it needs. */
  readonly headBytes: number;
  /**
   * @param head The first bytes of the file; all of it if it is shorter than `headBytes`.
   * @returns A media type without parameters, or `null` if the bytes do not show the type.
   */
  sniff(head: Uint8Array): Promise<string | null>;
  /**
   * Whether a file that begins with `head`, whose type was not detected, may have the declared type.
   *
   * @param mediaType In lower case, without parameters.
   * @returns `false` only if every real file of that type begins differently.
   */
  mayBe(head: Uint8Array, mediaType: string): boolean;
  /** Whether `head` is text of any kind. */
  isText(head: Uint8Array): boolean;
}
