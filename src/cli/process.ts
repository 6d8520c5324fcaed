import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type BulkCount,
  type BulkOrder,
  queueAll,
} from "../application/processing/bulk-reprocessing.ts";
import { loadConfig } from "../config.ts";
import type { SurveyFilter } from "../domain/ports/upkeep-records.ts";
import type { UploadStatus } from "../domain/upload.ts";
import { findUploadId } from "../domain/upload-id.ts";
import type { BulkWork } from "../runtime/bulk-work.ts";
import { type Cli, type Command, type ExitCode, parseCommand, UsageError } from "./command.ts";
import { findSince, SINCE_FORMS } from "./expiry.ts";
import { columns, HELP_ROW } from "./help.ts";
import { parseTenant } from "./keys.ts";
import { type BulkOutcome, writeOutcome } from "./process-outcome.ts";
import { Progress } from "./progress.ts";

/** The values of --status, and the states they select. */
const STATUSES = {
  failed: ["failed"],
  stored: ["stored"],
  processed: ["processed"],
  all: ["stored", "processed", "failed"],
} as const satisfies Record<string, readonly UploadStatus[]>;

/** How often the queue is checked while waiting. */
const POLL_MS = 500;

const OPTIONS = {
  status: { type: "string" },
  tenant: { type: "string" },
  processor: { type: "string", multiple: true },
  since: { type: "string" },
  after: { type: "string" },
  "dry-run": { type: "boolean" },
  wait: { type: "boolean" },
  run: { type: "boolean" },
} as const;

/** `stowage process`: process many uploads again, after failures or with a new processor. */
export const processCommand: Command = {
  name: "process",
  summary: "Process many uploads again",
  help: () => `Queue uploads of all tenants for processing. Running servers process them.

Usage: stowage process [options]

Options:
${columns([
  ["--status STATUS", `Which uploads: ${Object.keys(STATUSES).join(", ")} (failed)`],
  ["--tenant ID", "Only uploads of this tenant"],
  ["--processor NAME", "Run only this processor; may be repeated (all that read the type)"],
  ["--since WHEN", `Only those uploaded since then: ${SINCE_FORMS}`],
  ["--after ID", "Only those after this upload, to resume an interrupted run"],
  ["--dry-run", "Count them, but queue none"],
  ["--wait", "Wait until servers have processed them"],
  ["--run", "Process them in this process, beside any servers, until none are left"],
  ["--json", "Write one JSON object, and show no progress"],
  HELP_ROW,
])}

You can run it beside servers. An interrupt (Ctrl-C) stops it; queued uploads stay queued.
Exit codes: 0 done, 1 interrupted or some failed, 2 wrong usage or settings.

Example:
  stowage process --status failed --since 7d --run
`,

  async run(cli, args): Promise<ExitCode> {
    const { values } = parseCommand("process", args, OPTIONS);
    const begunAt = Date.now();
    const filter = filterOf(values, begunAt);
    if (values["dry-run"] && (values.wait || values.run)) {
      throw usage("--dry-run queues nothing: leave out --wait and --run");
    }
    const after = values.after === undefined ? null : findUploadId(values.after);
    if (after === null && values.after !== undefined)
      throw usage("--after takes the id of an upload");
    const config = loadConfig(cli.env, { cores: availableParallelism(), terminal: cli.isTerminal });
    const progress = new Progress(cli, values.json === true);
    const signal = cli.stopSignal();
    const work = await (await cli.runtime()).openBulkWork(config, (text) => {
      progress.clear();
      cli.err(text);
    });
    try {
      const processors = values.processor ?? null;
      refuseUnknown(processors ?? [], work.catalog.names);
      const order: BulkOrder = { filter, processors, after, dryRun: values["dry-run"] === true };
      const count = await queue(work, order, progress, signal);
      const waits = values.wait === true || values.run === true;
      const waited =
        waits && !signal.aborted
          ? await finish({
              work,
              filter,
              begunAt,
              progress,
              signal,
              cli,
              here: values.run === true,
            })
          : null;
      progress.clear();
      const outcome: BulkOutcome = { ...count, ...waited, dryRun: order.dryRun };
      writeOutcome(cli, outcome, { interrupted: signal.aborted, json: values.json === true });
      return signal.aborted || (waited !== null && waited.failed > 0) ? 1 : 0;
    } finally {
      progress.clear();
      await work.close();
    }
  },
};

function filterOf(
  values: { status?: string; tenant?: string; since?: string },
  now: number,
): SurveyFilter {
  const { status = "failed", tenant, since } = values;
  if (!Object.hasOwn(STATUSES, status)) {
    throw usage(`Unknown status "${status}": use one of ${Object.keys(STATUSES).join(", ")}`);
  }
  const createdAfter = since === undefined ? undefined : findSince(since, now);
  if (since !== undefined && createdAfter === undefined) {
    throw usage(`--since takes ${SINCE_FORMS}`);
  }
  return {
    statuses: STATUSES[status as keyof typeof STATUSES],
    // Exclude uploads that arrive from now on, or this might never end.
    createdBefore: now,
    tenant: tenant === undefined ? undefined : parseTenant("process", tenant),
    createdAfter,
  };
}

function refuseUnknown(names: readonly string[], known: readonly string[]): void {
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw usage(`Unknown processor "${unknown}": use one of ${known.join(", ")}`);
}

async function queue(
  { records, catalog }: BulkWork,
  order: BulkOrder,
  progress: Progress,
  signal: AbortSignal,
): Promise<BulkCount> {
  const total = sum(await records.tally(order.filter));
  progress.begin(order.dryRun ? "Counting" : "Queueing");
  let count: BulkCount = { seen: 0, queued: 0, unread: 0, missed: 0, last: order.after };
  for await (count of queueAll(records, catalog, order, signal)) progress.show(count.seen, total);
  return count;
}

/** Wait until none of the selected uploads is queued or running. */
async function finish(parts: {
  readonly work: BulkWork;
  readonly filter: SurveyFilter;
  readonly begunAt: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly cli: Cli;
  readonly here: boolean;
}): Promise<{ processed: number; failed: number; waiting: number }> {
  const { work, begunAt, progress, signal, cli, here } = parts;
  const { statuses: _, ...scope } = parts.filter;
  const ended = async () =>
    await work.records.tally({
      ...scope,
      statuses: ["processed", "failed"],
      finishedAfter: begunAt,
    });
  let waiting: SurveyFilter = { ...scope, statuses: ["queued", "processing"] };
  const total = sum(await work.records.tally(waiting));
  if (total > 0 && here) waiting = { ...waiting, storageIds: await work.work() };
  if (total > 0 && !here)
    cli.err("Waiting for servers to process them (use --run to process them here)\n");
  progress.begin("Processing");
  let left = total;
  while (left > 0 && !signal.aborted) {
    progress.show(total - left, total);
    // Rejects when aborted, which the loop checks itself.
    await sleep(POLL_MS, undefined, { signal }).catch(() => {});
    left = sum(await work.records.tally(waiting));
  }
  const counts = await ended();
  return {
    processed: counts.get("processed") ?? 0,
    failed: counts.get("failed") ?? 0,
    waiting: left,
  };
}

function sum(counts: ReadonlyMap<UploadStatus, number>): number {
  return [...counts.values()].reduce((all, count) => all + count, 0);
}

function usage(message: string): UsageError {
  return new UsageError("process", message);
}
