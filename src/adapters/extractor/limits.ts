/** What one document may cost. */
export interface ExtractionLimits {
  /** Resident memory of the process; watched from outside, where the system shows it. */
  readonly memoryBytes: number;
  /** RLIMIT_DATA: what stops a process between two looks, or where nobody can look. */
  readonly dataBytes: number;
  /** Of a large document; a small one gets less: see {@link limitsFor}. */
  readonly cpuSeconds: number;
  /** The same of the time from the first byte to the answer, without what the storage took to deliver. */
  readonly wallMs: number;
  /** UTF-8; text beyond is cut. */
  readonly maxTextBytes: number;
}

const MIB = 1024 * 1024;

/**
 * What V8 reserves and hardly touches, of which RLIMIT_DATA counts every byte: 512 MiB for code alone on
 * 64-bit systems. A little less, so that the system says no just before the watchdog would, which sees only
 * what was taken already.
 */
const RESERVED_BYTES = 480 * MIB;

export const DEFAULT_LIMITS: ExtractionLimits = {
  memoryBytes: 512 * MIB,
  dataBytes: 512 * MIB + RESERVED_BYTES,
  cpuSeconds: 4.5,
  // Four times that: its neighbours on the machine want their share.
  wallMs: 18_000,
  maxTextBytes: 16 * MIB,
};

/** The defaults with these changes. More memory takes its share of RLIMIT_DATA along. */
export function limitsWith(changes: Partial<ExtractionLimits> = {}): ExtractionLimits {
  const { memoryBytes = 0 } = changes;
  // Less memory does not: V8 does not start below about 768 MiB.
  const dataBytes = Math.max(DEFAULT_LIMITS.dataBytes, memoryBytes + RESERVED_BYTES);
  return { ...DEFAULT_LIMITS, dataBytes, ...changes };
}

/** A document that costs more than it brings is to be over within five seconds, whoever sent it. */
const LEAST = { cpuSeconds: 4, wallMs: 16_000 };

/**
 * What is large may take longer, where the limits are raised. By default 200 pages of text, a PDF of 0.75 MiB
 * that takes 0.6 s (`npm run bench:process`), have room on a machine that is six times slower; of a scan most
 * bytes cost nothing at all.
 */
const LEAST_SHARE = 0.4;
const FULL_SHARE_BYTES = 10 * MIB;

/** The same for one document of this size. Time that is limited to less than the least is not shared out. */
export function limitsFor(limits: ExtractionLimits, sizeBytes: number): ExtractionLimits {
  const share = Math.min(1, LEAST_SHARE + sizeBytes / FULL_SHARE_BYTES);
  const part = (limit: "cpuSeconds" | "wallMs") =>
    Math.min(limits[limit], Math.max(LEAST[limit], share * limits[limit]));
  return { ...limits, cpuSeconds: part("cpuSeconds"), wallMs: part("wallMs") };
}

/** A process is replaced once its documents together may have used this many times one document's share. */
const CPU_SHARES = 10;

/** Node needs about thirty descriptors; a document needs none. */
const MAX_OPEN_FILES = 128;

/** CPU seconds after which the system ends a process, whatever it is doing (RLIMIT_CPU). */
export function processCpuSeconds(limits: ExtractionLimits): number {
  return Math.ceil(limits.cpuSeconds * CPU_SHARES);
}

/**
 * The command line that runs `command` under these limits.
 *
 * `ulimit` of the shell rather than prlimit(1): every POSIX shell has it, BusyBox's too, and nothing has to
 * be found out first. `exec` keeps the process id, so that signals and /proc reach the process itself. The
 * soft CPU limit comes first and speaks with a signal of its own, SIGXCPU. A limit that cannot be set ends
 * the start: a process without it must not see a document.
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
    // In this order: a hard limit below the soft one is refused.
    `ulimit -S -t ${cpu}`,
    `ulimit -H -t ${cpu + 5}`,
    'exec "$@"',
  ].join(" && ");
  return ["sh", "-c", script, "sh", ...command];
}
