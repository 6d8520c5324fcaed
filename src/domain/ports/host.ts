/** What a started process gives back. */
export interface HostProcess {
  readonly pid: number;
  /** Write to its standard input; resolves when more may be written. Rejects once the process is gone. */
  write(bytes: Uint8Array): Promise<void>;
  /** Close its standard input. */
  end(): void;
  /** Its standard output. */
  readonly output: AsyncIterable<Uint8Array>;
  /** Resolves when it has ended, with its exit code or the signal that ended it. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  kill(signal: "SIGTERM" | "SIGKILL"): void;
}

/**
 * What a server runtime (Node, Deno, Bun) offers and a Worker does not. Adapters and drivers reach
 * processes, files and the environment through this alone.
 */
export interface Host {
  /** The environment, read-only. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** @returns The text of a small file, or `null` if there is none. */
  readTextFile(path: string): Promise<string | null>;
  /**
   * Run a program with exactly this environment; its standard error is discarded or logged by the host. It
   * does not outlive this process, however that ends.
   */
  spawn(
    command: string,
    args: readonly string[],
    options: { readonly env: Readonly<Record<string, string>> },
  ): HostProcess;
}
