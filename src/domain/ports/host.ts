/** A started process. */
export interface HostProcess {
  readonly pid: number;
  /** Write to its standard input. Resolves when you may write more. Rejects after the process has exited. */
  write(bytes: Uint8Array): Promise<void>;
  /** Close its standard input. */
  end(): void;
  /** Its standard output. */
  readonly output: AsyncIterable<Uint8Array>;
  /** Resolves after its exit, with the exit code or the signal. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  kill(signal: "SIGTERM" | "SIGKILL"): void;
}

/**
 * What a server runtime (Node, Deno, Bun) offers and a Worker does not. Adapters and drivers access processes, files and
 * the environment only through this.
 */
export interface Host {
  /** The environment, read-only. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** @returns The text of a small file, or `null` if there is none. */
  readTextFile(path: string): Promise<string | null>;
  /**
   * Run a program with exactly this environment. The host discards or logs its standard error. The program ends with
   * this process, even after a crash.
   */
  spawn(
    command: string,
    args: readonly string[],
    options: { readonly env: Readonly<Record<string, string>> },
  ): HostProcess;
}
