import { type ObjectKey, parseObjectKey } from "../../src/driver.ts";

/** Room for a suffix in the 255 bytes that filesystems give a name. */
const PIECE_CHARACTERS = 180;
const CONTINUED = "__";

/** What one item of a storage is for. */
export interface ItemName {
  readonly key: ObjectKey;
  /** The version whose bytes it holds; `null` if it is the object's manifest. */
  readonly version: string | null;
}

/**
 * The names under which an object's two items lie: its manifest, and the bytes of one version.
 *
 * unstorage drops what follows a `?`, takes `:`, `/` and `\` for the same, trims them, refuses dot segments
 * and reserves a `$` at the end; filesystems add the case of letters and Unicode's normal forms, databases
 * their collations. What survives all of them is lower-case ASCII: every other byte becomes `_` and two
 * hexadecimal digits, a dot too at either end or beside another, and a slash becomes `:`.
 * `acme/0199/My CV.pdf` lies under `acme:0199:_4dy_20_43_56.pdf`. An encoded segment that is too long for a
 * filename goes on in the next, announced by `__`.
 */
export class ItemNames {
  readonly #prefix: string;

  /** @param prefix Segments joined by slashes, below which everything lies; or nothing. */
  constructor(prefix: string) {
    const segments = prefix.split("/").filter((segment) => segment !== "");
    this.#prefix = segments.map((segment) => `${encode(segment)}:`).join("");
  }

  manifest(key: ObjectKey): string {
    return `${this.#path(key)}_i`;
  }

  content(key: ObjectKey, version: string): string {
    return `${this.#path(key)}_v${version}`;
  }

  /**
   * Where the items of all keys lie that begin with `keyPrefix`: a folder, with a colon at its end, or
   * nothing for the whole storage. `null` if no key can begin like that.
   */
  folder(keyPrefix: string): string | null {
    const segments = keyPrefix.split("/").slice(0, -1);
    if (segments.includes("")) return null;
    return this.#prefix + segments.map((segment) => `${encode(segment)}:`).join("");
  }

  /** What an item is for, or `null` if it is none of ours. */
  find(item: string): ItemName | null {
    const name = item.replaceAll(/[/\\]/g, ":").replace(/^:/, "");
    if (!name.startsWith(this.#prefix)) return null;
    const match = /^(.+)_(?:i|v([0-9a-f]{32}))$/.exec(name.slice(this.#prefix.length));
    const key = match === null ? null : findKey(match[1] ?? "");
    return key === null ? null : { key, version: match?.[2] ?? null };
  }

  #path(key: ObjectKey): string {
    return this.#prefix + key.split("/").map(encode).join(":");
  }
}

const ENCODED = /[^a-z0-9.-]|^\.|\.$|(?<=\.)\.|\.(?=\.)/gu;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function encode(segment: string): string {
  const text = segment.replaceAll(ENCODED, (character) =>
    [...encoder.encode(character)].map((byte) => `_${byte.toString(16).padStart(2, "0")}`).join(""),
  );
  const pieces: string[] = [];
  for (let start = 0; start < text.length; start += PIECE_CHARACTERS) {
    pieces.push(text.slice(start, start + PIECE_CHARACTERS));
  }
  return pieces.join(`${CONTINUED}:`);
}

function findKey(path: string): ObjectKey | null {
  const segments = path.replaceAll(`${CONTINUED}:`, "").split(":");
  try {
    const key = parseObjectKey(segments.map(decode).join("/"));
    // Only names that we would write ourselves, so that no two items stand for the same key.
    return key.split("/").map(encode).join(":") === path ? key : null;
  } catch {
    return null;
  }
}

function decode(text: string): string {
  const percent = encodeURIComponent(text).replaceAll(/_([0-9a-f]{2})/g, "%$1");
  const bytes = percent.matchAll(/%([0-9A-Fa-f]{2})|[^%]/g);
  return decoder.decode(
    Uint8Array.from(bytes, ([character, hex]) =>
      hex === undefined ? character.charCodeAt(0) : Number.parseInt(hex, 16),
    ),
  );
}
