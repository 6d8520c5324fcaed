import type { Reader } from "./readers.ts";

/** Where the service runs, as far as defaults depend on it. */
export interface Place {
  readonly production: boolean;
  readonly runtime: "node" | "deno" | "bun" | "workers";
  /** How much it computes at once. */
  readonly cores: number;
  /** Whether a person reads the log. */
  readonly terminal: boolean;
}

/** A default that depends on the place, with the words that describe it. */
export interface PlacedDefault {
  readonly words: string;
  of(place: Place): string;
}

/** One environment variable. */
export interface Setting<T = unknown> extends Reader<T> {
  /** What it means, in one line. */
  readonly about: string;
  /** Used where the variable is unset or empty: text as one would write it, or the words for none. */
  readonly default: string | PlacedDefault | { readonly words: string };
  /** Never show its value. */
  readonly secret?: true;
  /** Read only where such a storage is configured: elsewhere it may be set for somebody else. */
  readonly only?: "s3";
}

/** One row of the table. */
export function setting<T, const D extends Setting["default"]>(
  about: string,
  fallback: D,
  reader: Reader<T>,
  secret?: true,
): Setting<T> & { readonly default: D } {
  return { about, default: fallback, ...reader, ...(secret && { secret }) };
}

/** The text that is read where `setting` is unset, or `null`. */
export function defaultText(setting: Setting, place: Place): string | null {
  if (typeof setting.default === "string") return setting.default;
  return "of" in setting.default ? setting.default.of(place) : null;
}

/** The default in words. */
export function describeDefault(setting: Setting): string {
  return typeof setting.default === "string" ? setting.default : setting.default.words;
}
