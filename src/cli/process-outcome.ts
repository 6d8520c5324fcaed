import type { BulkCount } from "../application/processing/bulk-reprocessing.ts";
import type { Cli } from "./command.ts";
import { formatCount } from "./format.ts";

/** The result of bulk processing. */
export interface BulkOutcome extends BulkCount {
  readonly dryRun: boolean;
  /** Selected uploads that were processed since the start; only with --wait or --run. */
  readonly processed?: number;
  readonly failed?: number;
  /** Not finished when the command stopped. */
  readonly waiting?: number;
}

/** Write the result to standard output, as text or JSON. */
export function writeOutcome(
  cli: Cli,
  outcome: BulkOutcome,
  { interrupted, json }: { readonly interrupted: boolean; readonly json: boolean },
): void {
  const { last, dryRun, seen, queued, unread, missed, ...waited } = outcome;
  if (json) {
    const counts = { dry_run: dryRun, seen, queued, unread, missed, ...waited };
    cli.out(`${JSON.stringify({ ...counts, interrupted, last_id: last })}\n`);
    return;
  }
  const lines = [
    `${dryRun ? "Would queue" : "Queued"} ${formatCount(queued)} of ${formatCount(seen)} uploads`,
  ];
  if (unread > 0) {
    lines.push(`Skipped ${formatCount(unread)} of types that no selected processor reads`);
  }
  if (missed > 0) {
    lines.push(`Skipped ${formatCount(missed)} that were deleted or queued in the meantime`);
  }
  lines.push(...waitedLines(outcome));
  cli.out(lines.map((line) => `${line}\n`).join(""));
  if (!interrupted) return;
  const queueing = last !== null && outcome.processed === undefined;
  const resume = queueing ? `; to continue, run the same command with --after ${last}` : "";
  cli.err(`Interrupted: queued uploads stay queued${resume}\n`);
}

function waitedLines({ processed, failed, waiting = 0 }: BulkOutcome): string[] {
  if (processed === undefined || failed === undefined) return [];
  const left = waiting > 0 ? `, ${formatCount(waiting)} still waiting` : "";
  return [`Processed ${formatCount(processed)}, failed ${formatCount(failed)}${left}`];
}
