import { StowageError } from "./errors.ts";

/** The error of an aborted call: `request_aborted`, with the signal's reason as its cause. */
export function abortedError(signal?: AbortSignal): StowageError {
  return new StowageError("request_aborted", "Cannot go on: the caller gave up", {
    cause: signal?.reason,
  });
}

/** @throws {StowageError} `request_aborted` if `signal` is aborted already. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortedError(signal);
}
