import type { BulkCount } from "../application/processing/bulk-reprocessing.ts";
import type { Cli } from "./command.ts";

/** What came of processing in bulk. */
export interface BulkOutcome extends BulkCount {
  readonly dryRun: boolean;
  /** Ended since it began, of those that were meant; only where it waited. */
  readonly processed?: number;
  readonly failed?: number;
  /** Not ended when it stopped. */
  readonly waiting?: number;
}

/** Say it on the standard output, to a person or a machine. */
export function tellOutcome(
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
    `${dryRun ? "Would queue" : "Queued"} ${number(queued)} of ${number(seen)} uploads`,
    ...(unread > 0 ? [`Left alone ${number(unread)} of types that no such processor reads`] : []),
    ...(missed > 0 ? [`Left alone ${number(missed)} that were deleted or queued meanwhile`] : []),
    ...waitedLines(outcome),
  ];
  cli.out(lines.map((line) => `${line}\n`).join(""));
  if (!interrupted) return;
  const queueing = last !== null && outcome.processed === undefined;
  const goOn = queueing ? `; the same command with --after ${last} goes on` : "";
  cli.err(`Interrupted: what is queued stays queued${goOn}\n`);
}

function waitedLines({ processed, failed, waiting = 0 }: BulkOutcome): string[] {
  if (processed === undefined || failed === undefined) return [];
  const left = waiting > 0 ? `, ${number(waiting)} not yet` : "";
  return [`Processed ${number(processed)}, failed ${number(failed)}${left}`];
}

function number(count: number): string {
  return count.toLocaleString("en");
}
