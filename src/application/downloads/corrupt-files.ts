import { BoundedMap } from "../../domain/bounded-map.ts";
import type { Upload } from "../../domain/upload.ts";

/** A few hundred bytes each. A storage with more corrupt files needs a restore. */
const MAX_ENTRIES = 1000;

type Place = Pick<Upload, "id" | "storageId" | "key">;

/**
 * Files whose bytes failed verification, by storage and key. Kept in memory only.
 *
 * A range of a file cannot be verified, so a client that resumes a broken download would read past the damage.
 */
export class CorruptFiles {
  readonly #places = new BoundedMap<string, true>(MAX_ENTRIES);

  add(place: Place): void {
    this.#places.set(nameOf(place), true);
  }

  /** The whole file was read and passed verification. */
  forget(place: Place): void {
    this.#places.delete(nameOf(place));
  }

  has(place: Place): boolean {
    return this.#places.has(nameOf(place));
  }
}

function nameOf({ id, storageId, key }: Place): string {
  return `${id} ${storageId} ${key}`;
}
