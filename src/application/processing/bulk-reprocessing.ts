import type { UploadRecords } from "../../domain/ports/records.ts";
import type { SurveyFilter } from "../../domain/ports/upkeep-records.ts";
import type { Upload } from "../../domain/upload.ts";
import type { UploadId } from "../../domain/upload-id.ts";
import type { ProcessorCatalog } from "./processor-catalog.ts";

/** Uploads held in memory. */
const PAGE = 500;

/** Queued in parallel: the records write concurrent changes in one transaction. */
const AT_ONCE = 50;

export interface BulkOrder {
  readonly filter: SurveyFilter;
  /** Run only these, if they read the type of the upload. `null`: all that read it. */
  readonly processors: readonly string[] | null;
  /** Count only. */
  readonly dryRun: boolean;
  /** Begin after this upload. */
  readonly after: UploadId | null;
}

/** Progress so far. */
export interface BulkCount {
  /** Uploads seen. */
  readonly seen: number;
  /** Queued, or to be queued in a dry run. */
  readonly queued: number;
  /** Skipped: no requested processor reads their type. */
  readonly unread: number;
  /** Skipped: deleted or queued by another request meanwhile. */
  readonly missed: number;
  /** The last upload seen. Another run can continue after it. */
  readonly last: UploadId | null;
}

/**
 * Queue many uploads of all tenants for processing. Servers may run at the same time.
 *
 * @param signal Stops after the current group.
 * @returns The progress, every few uploads.
 */
export async function* queueAll(
  records: Pick<UploadRecords, "survey" | "requeue">,
  catalog: ProcessorCatalog,
  order: BulkOrder,
  signal: AbortSignal,
): AsyncGenerator<BulkCount> {
  const count = { seen: 0, queued: 0, unread: 0, missed: 0, last: order.after };
  for (;;) {
    const page = await records.survey(order.filter, { limit: PAGE, after: count.last });
    if (page.length === 0) return;
    for (let start = 0; start < page.length; start += AT_ONCE) {
      if (signal.aborted) return;
      const group = page.slice(start, start + AT_ONCE);
      const outcomes = await Promise.all(
        group.map((upload) => queueOne(records, catalog, order, upload)),
      );
      for (const outcome of outcomes) count[outcome] += 1;
      count.seen += group.length;
      count.last = group.at(-1)?.id ?? count.last;
      yield { ...count };
    }
  }
}

async function queueOne(
  records: Pick<UploadRecords, "requeue">,
  catalog: ProcessorCatalog,
  { processors, dryRun }: BulkOrder,
  { tenant, id, contentType }: Upload,
): Promise<"queued" | "unread" | "missed"> {
  const reading = catalog.accepting(contentType);
  const chosen =
    processors === null ? reading : reading.filter((name) => processors.includes(name));
  if (chosen.length === 0) return "unread";
  if (dryRun) return "queued";
  const outcome = await records.requeue(tenant, id, chosen);
  return outcome?.queued === true ? "queued" : "missed";
}
