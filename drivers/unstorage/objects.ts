import {
  type DriverContext,
  delay,
  type ObjectKey,
  type StoredObject,
  StowageError,
  toHex,
} from "../../src/driver.ts";
import type { ItemNames } from "./item-names.ts";
import type { Items, Wait } from "./items.ts";
import {
  findManifest,
  formatManifest,
  type Manifest,
  newVersion,
  toStoredObject,
  versionTime,
} from "./manifest.ts";

/** Cleaning up after a failure must not take as long as the failure. */
const CLEANUP_TIMEOUT_MS = 5000;
/** A manifest that is cut off may be one that is just being written: `fs` empties a file before it fills it. */
const REREAD_AFTER_MS = 50;
/** How often an object may be replaced between the two reads of a `read`. */
const READ_ATTEMPTS = 5;

type Parts = Pick<DriverContext, "now" | "random" | "hash">;

/**
 * Objects as two items each: their bytes, under a name that no other put uses, and a manifest that says which
 * bytes count. Writing the manifest is the one step that changes what readers see, so an object is replaced as
 * a whole even where the driver writes items piecemeal.
 */
export class Objects {
  readonly #items: Items;
  readonly #names: ItemNames;
  readonly #parts: Parts;

  constructor(items: Items, names: ItemNames, parts: Parts) {
    this.#items = items;
    this.#names = names;
    this.#parts = parts;
  }

  /**
   * @param bytes Owned by the storage from now on.
   * @throws {StowageError} `object_exists` for an `exclusive` put if another writer was clearly first.
   */
  async store(
    key: ObjectKey,
    bytes: Uint8Array,
    { exclusive, wait }: { readonly exclusive: boolean; readonly wait: Wait },
  ): Promise<StoredObject> {
    const manifest: Manifest = {
      version: newVersion(this.#parts.now(), this.#parts.random),
      sizeBytes: bytes.byteLength,
      sha256: this.#digest(bytes),
    };
    const content = this.#names.content(key, manifest.version);
    let old: Manifest | null;
    try {
      await this.#items.writeBytes(content, bytes, wait);
      old = await this.find(key, wait);
      if (exclusive && old !== null) throw keyTaken();
    } catch (error) {
      await this.#discard(content);
      throw error;
    }
    try {
      await this.#items.writeText(this.#names.manifest(key), formatManifest(manifest), wait);
      if ((await this.find(key, wait)) === null) throw dropped();
    } catch (error) {
      await this.#undo(key, manifest, old);
      throw error;
    }
    if (old !== null) await this.#discard(this.#names.content(key, old.version));
    return toStoredObject(key, manifest);
  }

  /** What is stored there, without its bytes; `null` if nothing is, or nothing whole. */
  async find(key: ObjectKey, wait: Wait): Promise<Manifest | null> {
    const name = this.#names.manifest(key);
    const text = await this.#items.readText(name, wait);
    if (text === null) return null;
    const manifest = findManifest(text);
    if (manifest !== null) return manifest;
    await delay(REREAD_AFTER_MS, wait.signal);
    return findManifest((await this.#items.readText(name, wait)) ?? "");
  }

  /** @throws {StowageError} `object_not_found`, `object_changed`, `object_corrupt`. */
  async read(
    key: ObjectKey,
    ifMatch: string | undefined,
    wait: Wait,
  ): Promise<{ readonly manifest: Manifest; readonly bytes: Uint8Array }> {
    let missing: string | undefined;
    for (let attempt = 0; attempt < READ_ATTEMPTS; attempt += 1) {
      const manifest = await this.find(key, wait);
      if (manifest === null) {
        throw new StowageError("object_not_found", "Cannot read object: nothing is stored there");
      }
      if (ifMatch !== undefined && ifMatch !== manifest.version) break;
      if (missing === manifest.version) throw corrupt("its bytes are missing");
      const bytes = await this.#items.readBytes(this.#names.content(key, manifest.version), wait);
      if (bytes === null) {
        // Replaced or deleted between the two reads; if the manifest still says the same, lost.
        missing = manifest.version;
        continue;
      }
      if (bytes.byteLength !== manifest.sizeBytes || this.#digest(bytes) !== manifest.sha256) {
        throw corrupt("its bytes are not those that were stored");
      }
      return { manifest, bytes };
    }
    throw new StowageError("object_changed", "Cannot read object: it has been replaced", {
      retryable: true,
    });
  }

  /** Remove what is stored there, also if it is damaged. Nothing there is fine. */
  async remove(key: ObjectKey, wait: Wait): Promise<void> {
    const name = this.#names.manifest(key);
    const text = await this.#items.readText(name, wait);
    if (text === null) return;
    const contents = await this.#contentsOf(key, text, wait);
    // The manifest first: bytes without a manifest belong to no object, a manifest without bytes is a damaged one.
    await this.#items.remove(name, wait);
    for (const content of contents) await this.#items.remove(content, wait);
  }

  /** Every key that begins with `prefix`, in no order; an object of it may be gone or never have been whole. */
  async keys(prefix: string, wait: Wait): Promise<ObjectKey[]> {
    const found = await this.#scan(prefix, wait);
    return found.flatMap(({ key, version }) => (version === null ? [key] : []));
  }

  /** Remove bytes that no manifest speaks of, where `matches` says so. @returns How many. */
  async removeUnfinished(
    prefix: string,
    matches: (key: ObjectKey, madeAt: number) => boolean,
    wait: Wait,
  ): Promise<number> {
    let removed = 0;
    for (const { key, version } of await this.#scan(prefix, wait)) {
      if (version === null || !matches(key, versionTime(version))) continue;
      if ((await this.find(key, wait))?.version === version) continue;
      await this.#items.remove(this.#names.content(key, version), wait);
      removed += 1;
    }
    return removed;
  }

  async #scan(prefix: string, wait: Wait) {
    const folder = this.#names.folder(prefix);
    if (folder === null) return [];
    const names = await this.#items.names(folder, wait);
    return names.flatMap((name) => {
      const found = this.#names.find(name);
      return found?.key.startsWith(prefix) ? [found] : [];
    });
  }

  async #contentsOf(key: ObjectKey, manifestText: string, wait: Wait): Promise<string[]> {
    const manifest = findManifestOrNull(manifestText);
    if (manifest !== null) return [this.#names.content(key, manifest.version)];
    const found = await this.#scan(key, wait);
    return found.flatMap((item) =>
      item.key === key && item.version !== null ? [this.#names.content(key, item.version)] : [],
    );
  }

  /**
   * Remove a manifest that may have been written, unless another writer has replaced it. If that fails too, bytes and manifest stay as they are: whichever manifest counts, its bytes are there.
   */
  async #undo(key: ObjectKey, manifest: Manifest, old: Manifest | null): Promise<void> {
    const wait = { timeoutMs: CLEANUP_TIMEOUT_MS };
    const name = this.#names.manifest(key);
    try {
      const text = await this.#items.readText(name, wait);
      const found = text === null ? null : findManifestOrNull(text);
      if (text !== null && (found === null || found.version === manifest.version)) {
        if (old === null) await this.#items.remove(name, wait);
        else await this.#items.writeText(name, formatManifest(old), wait);
      }
      await this.#items.remove(this.#names.content(key, manifest.version), wait);
    } catch {
      // The caller reports the original failure.
    }
  }

  async #discard(content: string): Promise<void> {
    try {
      await this.#items.remove(content, { timeoutMs: CLEANUP_TIMEOUT_MS });
    } catch {
      // Bytes that no manifest speaks of are found by `removeUnfinished`.
    }
  }

  #digest(bytes: Uint8Array): string {
    const hash = this.#parts.hash("sha256");
    hash.update(bytes);
    return toHex(hash.digest());
  }
}

function findManifestOrNull(text: string): Manifest | null {
  try {
    return findManifest(text);
  } catch {
    return null;
  }
}

export function keyTaken(): StowageError {
  return new StowageError("object_exists", "Cannot store object: its key is taken");
}

function corrupt(found: string): StowageError {
  return new StowageError("object_corrupt", `Cannot read object: ${found}`);
}

function dropped(): StowageError {
  return new StowageError(
    "storage_unavailable",
    "Cannot store object: the unstorage driver took it and does not have it (is it read-only, or a cache?)",
  );
}
