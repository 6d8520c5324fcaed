import { StowageError } from "../../domain/errors.ts";
import type { ExtractionLimits } from "./limits.ts";
import type { Excess } from "./watchdog.ts";

const MIB = 1024 * 1024;

/** How a process ended: see `HostProcess.ended`. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

/** No document can be processed, at least for now. */
export function unavailable(found: string, cause?: unknown): StowageError {
  return new StowageError(
    "extractor_unavailable",
    `Cannot process documents: the extraction process is not available, ${found}`,
    { retryable: true, data: { found }, cause },
  );
}

/** The limits are too low for any document. */
export function tooLargeAtStart(rssBytes: number, limits: ExtractionLimits): StowageError {
  const needed = `${Math.ceil(rssBytes / MIB)} MiB of memory before its first document`;
  return unavailable(
    `it uses ${needed}, and its limit is ${Math.round(limits.memoryBytes / MIB)} MiB`,
  );
}

/** The caller gave up. */
export function abandoned(): StowageError {
  return new StowageError("request_aborted", "Cannot process document: the caller gave up");
}

/** The document exceeded a limit. */
export function limitExceeded(excess: Excess, limits: ExtractionLimits): StowageError {
  const allowed = {
    memory: `${Math.round(limits.memoryBytes / MIB)} MiB of memory`,
    cpu: `${inTenths(limits.cpuSeconds)} s of CPU time`,
    wall: `${inTenths(limits.wallMs / 1000)} s`,
  }[excess];
  return tooComplex(`it needs more than ${allowed}`, { limit: excess });
}

function inTenths(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}

/** The process violated the protocol. A document may have taken it over. */
export function protocolViolation(cause: unknown): StowageError {
  return crashed("the extraction process sent an invalid answer", {}, cause);
}

/** The process ended by itself while it had a document. */
export function fromExit({ code, signal }: ProcessEnd): StowageError {
  if (signal === "SIGXCPU") {
    return tooComplex("it used up its CPU time", { limit: "cpu" });
  }
  // V8 aborts when it gets no more memory, from its own heap limit or RLIMIT_DATA.
  if (signal === "SIGABRT" || signal === "SIGTRAP") {
    return tooComplex("it ran out of memory", { limit: "memory" });
  }
  return crashed(
    `the extraction process ended with ${signal ?? `code ${code}`}`,
    signal === null ? { exitCode: code } : { signal },
  );
}

type Data = Readonly<Record<string, string | number | null>>;

function tooComplex(found: string, data: Data): StowageError {
  return new StowageError("document_too_complex", `Cannot process document: ${found}`, { data });
}

/** Retryable: the cause may have been a system short of memory, or an operator. */
function crashed(found: string, data: Data, cause?: unknown): StowageError {
  return new StowageError("extractor_crashed", `Cannot process document: ${found}`, {
    retryable: true,
    data,
    cause,
  });
}
