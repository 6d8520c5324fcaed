import type { Env } from "../../config/problem.ts";
import type { Config } from "../../config.ts";
import type { DatabaseFacts } from "../../runtime/database-inspection.ts";
import type { Inspection } from "../../runtime/inspection.ts";

/** One thing that was looked at. */
export interface Finding {
  readonly status: "ok" | "warn" | "fail";
  /** What is so, in words of somebody who has just met it. No secrets. */
  readonly text: string;
  /** What the part itself says, for whoever wants to know it exactly. */
  readonly detail?: string;
  /** What to do. */
  readonly advice?: string;
}

/** What checks share. */
export interface DoctorContext {
  readonly env: Env;
  readonly config: Config;
  readonly parts: Inspection;
  /** Whether the storages looked at are those of the configuration. */
  readonly configured: boolean;
  /** The identities of the storages that were found, filled as they are looked at. */
  readonly storageIds: Set<string>;
  /** What could not be asked who it is, as it is displayed. */
  readonly silentStorages: Set<string>;
  /** What the database has told, for those who look later; `null` if nothing could be read. */
  readonly database: { facts: DatabaseFacts | null };
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/**
 * One part that can be unwell. To add one, write a file with a check and name it in `checksOf`.
 *
 * A check writes nothing but probes that it removes. It tells its findings as it makes them and throws nothing
 * that it expects; what it throws nevertheless is told as a failure of its own.
 */
export interface Check {
  /** What it looks at: `Database sqlite:./storage/stowage.db`. */
  readonly title: string;
  run(context: DoctorContext): AsyncIterable<Finding>;
}
