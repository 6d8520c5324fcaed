import { redact } from "../../adapters/log/redact.ts";
import { type ErrorCode, isStowageError } from "../../domain/errors.ts";
import type { StorageUri } from "../../domain/storage-uri.ts";
import { describeCause } from "../cause.ts";
import type { Finding } from "./check.ts";

const UNREACHABLE_ADVICE =
  "check that the service it stores in is up and reachable from here, and that the options name the right one";
/** For drivers whose errors carry no advice. */
const ADVICE: Partial<Record<ErrorCode, string>> = {
  storage_unavailable: UNREACHABLE_ADVICE,
  storage_timeout: UNREACHABLE_ADVICE,
  storage_access_denied: "set a user and password, or a key, with read and write access",
};

/** What failed, and where. */
export interface Failure {
  readonly error: unknown;
  readonly uri: StorageUri;
  /** What was tried: `write`. */
  readonly step?: string | undefined;
}

/** Describe the failure of a storage, and what to do about it, in the words of its driver. */
export function toFinding({ error, uri, step }: Failure): Finding {
  const before = step === undefined ? "" : `${step}: `;
  const message = error instanceof Error ? error.message : String(error);
  // A driver of a third party may have the reason only in the cause.
  const cause = error instanceof Error ? redact(describeCause(error)) : "";
  const advice = isStowageError(error) ? (error.advice ?? ADVICE[error.code]) : undefined;
  const shown = (text: string) => withoutSecretsOf(uri, text);
  return {
    status: "fail",
    text: `${before}${message}${shown(cause)}`,
    advice: advice && shown(advice),
  };
}

/** A library may quote its options: hide what the URI's display hides. */
function withoutSecretsOf({ options, authority, display }: StorageUri, text: string): string {
  return [...Object.values(options), authority]
    .flatMap((value) => [value, /^(?:.*:\/\/)?[^:@]*:(.*)@/.exec(value)?.[1] ?? ""])
    .filter((value) => value !== "" && !display.includes(value))
    .reduce((shown, secret) => shown.replaceAll(secret, "***"), text);
}
