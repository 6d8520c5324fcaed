import type { Reader } from "./readers.ts";

/** The environment of the service, as far as defaults depend on it. */
export interface Place {
  readonly production: boolean;
  readonly runtime: "node" | "deno" | "bun" | "workers";
  /** CPU cores. */
  readonly cores: number;
  /** Whether the log goes to a terminal. */
  readonly terminal: boolean;
}

/** A default that depends on the place, with its description. */
export interface PlacedDefault {
  readonly words: string;
  of(place: Place): string;
}

/** One environment variable. */
export interface Setting<T = unknown> extends Reader<T> {
  /** What it means, in one line. */
  readonly about: string;
  /** Used when the variable is unset or empty: the value as text, or the description of no value. */
  readonly default: string | PlacedDefault | { readonly words: string };
  /** Never show its value. */
  readonly secret?: true | undefined;
  /** Read only with such a storage: otherwise it may be set for another program. */
  readonly only?: "s3";
}

/** One row of the table. */
export function setting<T, const D extends Setting["default"]>(
  about: string,
  fallback: D,
  reader: Reader<T>,
  secret?: true,
): Setting<T> & { readonly default: D } {
  return { about, default: fallback, ...reader, secret };
}

/** The text that is read when `setting` is unset, or `null`. */
export function defaultText(setting: Setting, place: Place): string | null {
  if (typeof setting.default === "string") return setting.default;
  return "of" in setting.default ? setting.default.of(place) : null;
}

/** The default, as shown in the help. */
export function describeDefault(setting: Setting): string {
  return typeof setting.default === "string" ? setting.default : setting.default.words;
}
