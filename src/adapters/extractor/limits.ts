import { DEFAULT_MAX_TEXT_BYTES } from "../../domain/ports/processor.ts";

/** What one document may cost. */
export interface ExtractionLimits {
  /** Resident memory of the process. Watched from outside, where the system shows it. */
  readonly memoryBytes: number;
  /** RLIMIT_DATA: stops a process between two checks, or where memory cannot be watched. */
  readonly dataBytes: number;
  /** For a large document. A small one gets less: see {@link limitsFor}. */
  readonly cpuSeconds: number;
  /** Time from the first byte to the answer, without waiting for the storage. Scaled likewise. */
  readonly wallMs: number;
  /** UTF-8. Longer text is cut. */
  readonly maxTextBytes: number;
}

const MIB = 1024 * 1024;

/**
 * V8 reserves memory that it hardly touches, 512 MiB for code alone on 64-bit systems, and RLIMIT_DATA counts
 * every byte. This is a little less, so that the system refuses memory just before the watchdog would act,
 * which only sees memory already used.
 */
const RESERVED_BYTES = 480 * MIB;

export const DEFAULT_LIMITS: ExtractionLimits = {
  memoryBytes: 512 * MIB,
  dataBytes: 512 * MIB + RESERVED_BYTES,
  cpuSeconds: 4.5,
  // Four times the CPU time: other work on the machine needs its share.
  wallMs: 18_000,
  maxTextBytes: DEFAULT_MAX_TEXT_BYTES,
};

/** The defaults with these changes. More memory raises RLIMIT_DATA too. */
export function limitsWith(changes: Partial<ExtractionLimits> = {}): ExtractionLimits {
  const { memoryBytes = 0 } = changes;
  // Less memory does not lower it: V8 does not start below about 768 MiB.
  const dataBytes = Math.max(DEFAULT_LIMITS.dataBytes, memoryBytes + RESERVED_BYTES);
  return { ...DEFAULT_LIMITS, dataBytes, ...changes };
}

/** A hostile document must end within five seconds. */
const LEAST = { cpuSeconds: 4, wallMs: 16_000 };

/**
 * If the limits are raised, large documents may take longer than small ones. The defaults leave room for 200
 * pages of text (a PDF of 0.75 MiB, 0.6 s in `npm run bench:process`) on a machine six times slower. Most bytes
 * of a scan cost nothing.
 */
const LEAST_SHARE = 0.4;
const FULL_SHARE_BYTES = 10 * MIB;

/** The limits for a document of this size. Times already below the minimum stay as they are. */
export function limitsFor(limits: ExtractionLimits, sizeBytes: number): ExtractionLimits {
  const share = Math.min(1, LEAST_SHARE + sizeBytes / FULL_SHARE_BYTES);
  const part = (limit: "cpuSeconds" | "wallMs") =>
    Math.min(limits[limit], Math.max(LEAST[limit], share * limits[limit]));
  return { ...limits, cpuSeconds: part("cpuSeconds"), wallMs: part("wallMs") };
}

/** A process is replaced once its documents together may have used this many times one document's CPU time. */
const CPU_SHARES = 10;

/** Node needs about thirty descriptors, documents need none. */
const MAX_OPEN_FILES = 128;

/** CPU seconds after which the system ends a process (RLIMIT_CPU). */
export function processCpuSeconds(limits: ExtractionLimits): number {
  return Math.ceil(limits.cpuSeconds * CPU_SHARES);
}

/**
 * The command line that runs `command` under these limits.
 *
 * Uses the shell's `ulimit` rather than prlimit(1), because every POSIX shell has it, including BusyBox's.
 * `exec` keeps the process id, so that signals and /proc reach the process itself. The soft CPU limit comes
 * first and sends its own signal, SIGXCPU. If a limit cannot be set, the start fails: a process without limits
 * must not see a document.
 */
export function limitedCommand(
  command: readonly string[],
  limits: ExtractionLimits,
): readonly [string, ...string[]] {
  const cpu = processCpuSeconds(limits);
  const script = [
    "ulimit -c 0",
    `ulimit -n ${MAX_OPEN_FILES}`,
    `ulimit -d ${Math.ceil(limits.dataBytes / 1024)}`,
    // In this order: a hard limit below the soft one is rejected.
    `ulimit -S -t ${cpu}`,
    `ulimit -H -t ${cpu + 5}`,
    'exec "$@"',
  ].join(" && ");
  return ["sh", "-c", script, "sh", ...command];
}
