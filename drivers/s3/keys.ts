import { type ObjectKey, parseObjectKey } from "../../src/driver.ts";

/** Where the storage's keys lie in the bucket: below a prefix, which is empty or ends with a slash. */
export class KeySpace {
  readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  /** The whole key in the bucket; also of a prefix of keys. */
  inBucket(key: string): string {
    return this.prefix + key;
  }

  /**
   * The key of an object in the bucket, or `null` for one that no key of ours can name: a folder's marker
   * (`a/`), doubled slashes, dot segments.
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
 * Bring a prefix into its one form: no slash in front, one behind, none doubled, no `./`.
 *
 * @throws {StowageError} `invalid_key` for a `..` segment, NUL or a lone surrogate, or one over 1,024 bytes.
 */
export function normalisePrefix(path: string): string {
  const segments = path.split("/").filter((segment) => segment !== "" && segment !== ".");
  return segments.length === 0 ? "" : `${parseObjectKey(segments.join("/"))}/`;
}
