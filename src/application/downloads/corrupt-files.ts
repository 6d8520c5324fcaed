import type { Upload } from "../../domain/upload.ts";

/** Some hundred bytes each. More rotten files than these are a storage to be restored, not served from. */
const MAX_ENTRIES = 1000;

type Place = Pick<Upload, "id" | "storageId" | "key">;

/**
 * Which files were found to be others than were stored, where they lie: of a range nothing but its length can
 * be verified, so a client whose download broke off would resume past the damage. Forgotten with the process.
 */
export class CorruptFiles {
  readonly #places = new Set<string>();

  /** The one that was found longest ago makes room. */
  add(place: Place): void {
    const name = nameOf(place);
    this.#places.delete(name);
    this.#places.add(name);
    const [oldest] = this.#places;
    if (this.#places.size > MAX_ENTRIES && oldest !== undefined) this.#places.delete(oldest);
  }

  /** It was read whole, and is what was stored. */
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
