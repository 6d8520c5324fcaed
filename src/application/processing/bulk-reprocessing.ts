import type { UploadRecords } from "../../domain/ports/records.ts";
import type { SurveyFilter } from "../../domain/ports/upkeep-records.ts";
import type { Upload } from "../../domain/upload.ts";
import type { UploadId } from "../../domain/upload-id.ts";
import type { ProcessorCatalog } from "./processor-catalog.ts";

/** Uploads in memory at a time. */
const PAGE = 500;

/** Asked for together: the records write what arrives together in one transaction. */
const AT_ONCE = 50;

export interface BulkOrder {
  readonly filter: SurveyFilter;
  /** Those of these that read its type are run; `null` for all that do. */
  readonly processors: readonly string[] | null;
  /** Count, and change nothing. */
  readonly dryRun: boolean;
  /** Begin after this upload. */
  readonly after: UploadId | null;
}

/** How far it has come. */
export interface BulkCount {
  /** Looked at. */
  readonly seen: number;
  /** Queued, or in a dry run to be queued. */
  readonly queued: number;
  /** Left alone: no processor that was asked for reads their type. */
  readonly unread: number;
  /** Left alone: deleted meanwhile, or queued by somebody else. */
  readonly missed: number;
  /** The last upload that was looked at: where another run goes on. */
  readonly last: UploadId | null;
}

/**
 * Queue many uploads for processing, of all tenants, beside any servers.
 *
 * @param signal Once aborted, it ends after what it is at.
 * @returns Counts, every few uploads; the last one counts all.
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
