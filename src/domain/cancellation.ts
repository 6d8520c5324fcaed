import { StowageError } from "./errors.ts";

/** The error of an aborted call: `request_aborted`, with the signal's reason as its cause. */
export function abortedError(signal?: AbortSignal): StowageError {
  return new StowageError("request_aborted", "Cannot continue: the caller aborted the request", {
    cause: signal?.reason,
  });
}

/** @throws {StowageError} `request_aborted` if `signal` is already aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortedError(signal);
}
