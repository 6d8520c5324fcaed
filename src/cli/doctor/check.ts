import type { Env } from "../../config/problem.ts";
import type { Config } from "../../config.ts";
import type { DatabaseFacts } from "../../runtime/database-inspection.ts";
import type { Inspection } from "../../runtime/inspection.ts";

/** The result of looking at one thing. */
export interface Finding {
  readonly status: "ok" | "warn" | "fail";
  /** The state, for a reader who does not know Stowage yet. No secrets. */
  readonly text: string;
  /** The original message. */
  readonly detail?: string | undefined;
  /** What to do. */
  readonly advice?: string | undefined;
}

/** What checks share. */
export interface DoctorContext {
  readonly env: Env;
  readonly config: Config;
  readonly parts: Inspection;
  /** Whether the checked storages are those of the configuration. */
  readonly configured: boolean;
  /** Ids of the storages found so far. */
  readonly storageIds: Set<string>;
  /** Storages whose id could not be read, by their display. */
  readonly silentStorages: Set<string>;
  /** What was read from the database, for later checks; `null` if nothing could be read. */
  readonly database: { facts: DatabaseFacts | null };
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/**
 * Checks one part of the service. To add one, write a file with a check and list it in `checksOf`.
 *
 * A check writes only probes that it removes. It yields findings as it makes them and throws nothing that it
 * expects; an error that it throws is reported as a failure.
 */
export interface Check {
  /** What is checked: `Database sqlite:./storage/stowage.db`. */
  readonly title: string;
  run(context: DoctorContext): AsyncIterable<Finding>;
}
