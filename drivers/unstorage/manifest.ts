import { type ObjectKey, type StoredObject, StowageError, toHex } from "../../src/driver.ts";

/**
 * Describes an object in an item of its own, because not every unstorage driver keeps size, time or digest. It is written
 * after the bytes, so it also decides which version counts.
 */
export interface Manifest {
  /** 12 hexadecimal digits of the time in milliseconds since 1970, and 20 of randomness. */
  readonly version: string;
  readonly sizeBytes: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
}

const MANIFEST = /^stowage1 ([0-9a-f]{32}) (\d{16}) ([0-9a-f]{64}) end$/;

/** Of constant length, so that two writers cannot leave a mixture. Not JSON, because drivers would parse it. */
export function formatManifest(manifest: Manifest): string {
  return `stowage1 ${manifest.version} ${`${manifest.sizeBytes}`.padStart(16, "0")} ${manifest.sha256} end`;
}

/**
 * @returns `null` for what was cut off in the middle of writing: the manifest of an object that never was.
 * @throws {StowageError} `object_corrupt` for anything else that is no manifest.
 */
export function findManifest(text: string): Manifest | null {
  const [, version = "", size = "", sha256 = ""] = MANIFEST.exec(text) ?? [];
  if (version !== "") return { version, sizeBytes: Number(size), sha256 };
  if (!text.endsWith(" end")) return null;
  throw new StowageError("object_corrupt", "Cannot read object: its manifest is damaged");
}

/** A name for new content. */
export function newVersion(nowMs: number, random: (bytes: Uint8Array) => Uint8Array): string {
  return nowMs.toString(16).padStart(12, "0") + toHex(random(new Uint8Array(10)));
}

/** When the content named `version` was made. */
export function versionTime(version: string): number {
  return Number.parseInt(version.slice(0, 12), 16);
}

export function toStoredObject(key: ObjectKey, manifest: Manifest): StoredObject {
  const { version, sizeBytes } = manifest;
  return { key, sizeBytes, version, modifiedAt: versionTime(version) };
}
