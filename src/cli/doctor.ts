import { availableParallelism } from "node:os";
import { redact } from "../adapters/log/redact.ts";
import { type Config, ConfigError, loadConfig } from "../config.ts";
import { isAbort } from "../domain/errors.ts";
import { parseStorageUri, type StorageUri } from "../domain/storage-uri.ts";
import { type Cli, type Command, type ExitCode, parseCommand } from "./command.ts";
import { addressCheck } from "./doctor/address.ts";
import type { Check, DoctorContext, Finding } from "./doctor/check.ts";
import { clockCheck } from "./doctor/clock.ts";
import { databaseCheck } from "./doctor/database.ts";
import { keysCheck } from "./doctor/keys.ts";
import { limitsCheck } from "./doctor/limits.ts";
import { missingFilesCheck } from "./doctor/missing-files.ts";
import { processingCheck } from "./doctor/processing.ts";
import { settingsCheck, settingsProblems } from "./doctor/settings.ts";
import { storageCheck } from "./doctor/storage.ts";
import { formatCountOf } from "./format.ts";
import { columns, HELP_ROW } from "./help.ts";

/** More storages than anyone configures. */
const MAX_STORAGES = 100;

/** `stowage doctor`: check everything the service depends on, and say how to fix it. */
export const doctorCommand: Command = {
  name: "doctor",
  summary: "Find problems, and how to fix them",
  help: () => `Check everything the service depends on, and say how to fix what is wrong: settings, storages and their
disks, database, missing files, keys, clock, address, limits, processing.

Usage: stowage doctor [--json] [STORAGE-URI…]

Run it as the user of the service, with the same settings. It stores a small probe under .stowage/ in each
storage and removes it. It changes nothing else, so you can run it beside a server. With STORAGE-URIs it checks
those storages instead of the configured ones, and the database.

Options:
${columns([["--json", "Write one JSON object"], HELP_ROW])}

Exit codes: 0 nothing failed (there may be warnings), 1 something failed, 2 wrong usage or settings.

Example:
  stowage doctor "s3://my-bucket/uploads?region=eu-west-1"
`,

  async run(cli, args): Promise<ExitCode> {
    const { values, positionals } = parseCommand("doctor", args, {}, MAX_STORAGES);
    const given = positionals.map(parseStorageUri);
    const report = new Report(cli, values.json === true);
    const exitCode = await examine(cli, given, report);
    report.end();
    return exitCode;
  },
};

/** All checks, in order: later ones assume that earlier ones passed. */
function checksOf({ storage, database }: Config, given: readonly StorageUri[]): readonly Check[] {
  if (given.length > 0) {
    const named = given.map((uri) => storageCheck(uri, "named"));
    return [settingsCheck, ...named, databaseCheck(database)];
  }
  return [
    settingsCheck,
    storageCheck(storage.primary, "primary"),
    ...storage.fallbacks.map((uri) => storageCheck(uri, "fallback")),
    databaseCheck(database),
    missingFilesCheck,
    keysCheck,
    clockCheck,
    addressCheck,
    limitsCheck,
    processingCheck,
  ];
}

async function examine(cli: Cli, given: readonly StorageUri[], report: Report): Promise<ExitCode> {
  const { env } = cli;
  const signal = cli.stopSignal();
  try {
    const config = loadConfig(env, { cores: availableParallelism(), terminal: cli.isTerminal });
    const parts = await (await cli.runtime()).inspect(config, env);
    const configured = given.length === 0;
    const context = {
      env,
      config,
      parts,
      configured,
      signal,
      storageIds: new Set<string>(),
      silentStorages: new Set<string>(),
      database: { facts: null },
    };
    try {
      for (const check of checksOf(config, given)) await runCheck(check, context, report);
    } finally {
      await parts.close();
    }
    return report.failed > 0 ? 1 : 0;
  } catch (error) {
    if (isAbort(error)) {
      cli.err("Interrupted: the remaining checks did not run\n");
      return 1;
    }
    if (!(error instanceof ConfigError)) throw error;
    report.begin(settingsCheck.title);
    for (const finding of settingsProblems(error)) report.add(finding);
    return 2;
  }
}

async function runCheck(check: Check, context: DoctorContext, report: Report): Promise<void> {
  report.begin(check.title);
  try {
    for await (const finding of check.run(context)) report.add(finding);
  } catch (error) {
    if (isAbort(error)) throw error;
    report.add({ status: "fail", text: error instanceof Error ? error.message : String(error) });
  }
}

/** Prints findings as they come, or all of them as JSON at the end. */
class Report {
  failed = 0;
  #warned = 0;
  #title = "";
  readonly #cli: Cli;
  readonly #json: boolean;
  readonly #all: (Finding & { readonly check: string })[] = [];

  constructor(cli: Cli, json: boolean) {
    this.#cli = cli;
    this.#json = json;
  }

  begin(title: string): void {
    this.#title = title;
    this.#print(`${title}\n`);
  }

  add(finding: Finding): void {
    if (finding.status === "fail") this.failed += 1;
    if (finding.status === "warn") this.#warned += 1;
    this.#all.push({ check: this.#title, ...finding });
    const { status, text, detail, advice } = finding;
    this.#print(`  ${status.padEnd(4)}  ${text}\n`);
    if (detail !== undefined) this.#print(`        ${detail}\n`);
    if (advice !== undefined) this.#print(`        → ${advice}\n`);
  }

  end(): void {
    const { failed } = this;
    const warnings = this.#warned;
    if (this.#json) {
      const findings = this.#all;
      this.#cli.out(`${redact(JSON.stringify({ failed, warnings, findings }, null, 2))}\n`);
      return;
    }
    const counts = [
      failed > 0 ? `${failed} failed` : "",
      warnings > 0 ? formatCountOf(warnings, "warning") : "",
    ];
    this.#print(`\n${counts.filter((text) => text !== "").join(", ") || "No problems found"}\n`);
  }

  #print(text: string): void {
    if (!this.#json) this.#cli.out(redact(text));
  }
}
