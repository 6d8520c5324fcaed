import { type ObjectKey, parseObjectKey } from "../../../src/driver.ts";

/** `text` as a key, or `null` if it cannot be one. */
export function findKey(text: string): ObjectKey | null {
  try {
    return parseObjectKey(text);
  } catch {
    return null;
  }
}
