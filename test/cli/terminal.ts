import type { Cli, CliRuntime, ExitCode } from "../../src/cli/command.ts";
import { run } from "../../src/cli/run.ts";

/** What one command line did. */
export interface Outcome {
  readonly code: ExitCode;
  readonly out: string;
  readonly err: string;
}

/** Run one command line within this process. */
export async function stowage(
  argv: readonly string[],
  parts: Partial<Pick<Cli, "env" | "isTerminal" | "columns" | "stopSignal">> & {
    readonly runtime?: Partial<CliRuntime>;
    readonly onOut?: (text: string) => void;
    readonly onErr?: (text: string) => void;
  } = {},
): Promise<Outcome> {
  let out = "";
  let err = "";
  const code = await run({
    argv,
    env: {},
    isTerminal: false,
    stopSignal: () => new AbortController().signal,
    ...parts,
    out(text) {
      out += text;
      parts.onOut?.(text);
    },
    err(text) {
      err += text;
      parts.onErr?.(text);
    },
    runtime: async () => ({
      serve: unexpected,
      inspect: unexpected,
      openKeyRecords: unexpected,
      openTenantRecords: unexpected,
      openBulkWork: unexpected,
      ...parts.runtime,
    }),
  });
  return { code, out, err };
}

async function unexpected(): Promise<never> {
  throw new Error("this command line was not to come this far");
}
