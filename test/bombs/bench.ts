import { readFileSync } from "node:fs";
import {
  type ChildExtractorOptions,
  createChildExtractor,
} from "../../src/adapters/extractor/child-process.ts";
import { chunksOf } from "../../src/domain/bytes.ts";
import { isStowageError } from "../../src/domain/errors.ts";
import type { Extraction, Extractor } from "../../src/domain/ports/extractor.ts";
import type { Host, HostProcess } from "../../src/domain/ports/host.ts";
import { SILENT } from "../../src/domain/ports/logger.ts";
import { nodeExtractCommand } from "../../src/runtime/extraction/extract-command.ts";
import { nodeHost } from "../../src/runtime/host-node.ts";
import { BUILT_IN_PROCESSORS } from "../../src/runtime/modules/built-in-processors.ts";

/** How one document ended. */
export interface Ending {
  /** `processed`, or the code. */
  readonly end: string;
  /** Text or message, and facts. */
  readonly says: string;
  readonly text: string;
  readonly durationMs: number;
  /** The largest resident memory of the process that had it. */
  readonly peakBytes: number;
}

/** The extractor of the service, opened as on Node, and what its processes use. */
export class Bench {
  readonly started: HostProcess[] = [];
  readonly extractor: Extractor;
  readonly #peaks = new Map<number, number>();
  readonly #over = new Set<number>();
  #current = 0;
  #timer: ReturnType<typeof setInterval>;

  constructor(options: Partial<ChildExtractorOptions> = {}) {
    this.extractor = createChildExtractor({
      host: this.#host(),
      command: nodeExtractCommand(),
      processors: BUILT_IN_PROCESSORS,
      concurrency: 1,
      logger: SILENT,
      clock: { now: () => Date.now() },
      ...options,
    });
    this.#timer = setInterval(() => this.#look(), 10);
  }

  async run(bytes: Uint8Array, document: Partial<Extraction>): Promise<Ending> {
    const startedAt = performance.now();
    const before = this.#over.has(this.#current) ? 0 : this.#current;
    const outcome = await this.extractor
      .run({
        processor: "text",
        contentType: "text/plain",
        extension: "",
        sizeBytes: bytes.byteLength,
        open: async () => chunksOf(bytes),
        signal: new AbortController().signal,
        ...document,
      })
      .then(
        ({ output, text = "" }) => ({
          end: "processed",
          says: JSON.stringify(output) + text,
          text,
        }),
        (error: unknown) => {
          if (!isStowageError(error)) throw error;
          return { end: error.code as string, says: error.message, text: "" };
        },
      );
    const durationMs = performance.now() - startedAt;
    this.#look();
    const peakBytes = Math.max(this.#peaks.get(before) ?? 0, this.#peaks.get(this.#current) ?? 0);
    return { ...outcome, durationMs, peakBytes };
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.extractor.close();
  }

  #host(): Host {
    return {
      ...nodeHost,
      spawn: (...call) => {
        const process = nodeHost.spawn(...call);
        this.#current = process.pid;
        const started: HostProcess = {
          ...process,
          kill: (signal) => {
            // What it used at its end would be gone with it.
            this.#look();
            process.kill(signal);
            this.#over.add(process.pid);
          },
        };
        this.started.push(started);
        return started;
      },
    };
  }

  /** VmHWM of proc_pid_status(5): the most that was ever resident. */
  #look(): void {
    const pid = this.#current;
    try {
      const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
      if (peak !== undefined) this.#peaks.set(pid, Number(peak) * 1024);
    } catch {
      // It is gone.
    }
  }
}
