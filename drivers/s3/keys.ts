import { type ObjectKey, parseObjectKey } from "../../src/driver.ts";

/** Maps the storage's keys to keys in the bucket, below a prefix that is empty or ends with a slash. */
export class KeySpace {
  readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  /** The full key in the bucket. Also takes a prefix of keys. */
  inBucket(key: string): string {
    return this.prefix + key;
  }

  /**
   * The key of an object in the bucket, or `null` if its name is not a valid key: a folder marker (`a/`), doubled
   * slashes, dot segments.
   */
  find(objectKey: string): ObjectKey | null {
    if (!objectKey.startsWith(this.prefix)) return null;
    try {
      return parseObjectKey(objectKey.slice(this.prefix.length));
    } catch {
      return null;
    }
  }
}

/**
 * Normalise a prefix: no slash at its start, one at its end, none doubled, no `./`.
 *
 * @throws {StowageError} `invalid_key` for a `..` segment, NUL or a lone surrogate, or one over 1,024 bytes.
 */
export function normalisePrefix(path: string): string {
  const segments = path.split("/").filter((segment) => segment !== "" && segment !== ".");
  return segments.length === 0 ? "" : `${parseObjectKey(segments.join("/"))}/`;
}
