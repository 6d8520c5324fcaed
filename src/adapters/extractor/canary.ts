import { chunksOf } from "../../domain/bytes.ts";
import { matchesMediaType } from "../../domain/media-type.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { Extractor } from "../../domain/ports/extractor.ts";
import { unavailable } from "./exit-reasons.ts";

/** How long a failure is remembered. Readiness is probed more often than things get repaired. */
const FAILURE_KEPT_MS = 10_000;

const CONTENT_TYPE = "text/plain";

/**
 * A document that cannot fail: it distinguishes a broken extractor from a bad document.
 *
 * A success is remembered until `forget`. Simultaneous callers share one run.
 */
export function createCanary(
  extractor: Pick<Extractor, "processors" | "run">,
  clock: Clock,
): { check(): Promise<void>; forget(): void } {
  let last: { readonly run: Promise<void>; passed?: true; failedAt?: number } | undefined;
  return {
    check() {
      const expired =
        last?.failedAt !== undefined && clock.now() - last.failedAt >= FAILURE_KEPT_MS;
      if (last !== undefined && !expired) return last.run;
      const current: typeof last = { run: runCanary(extractor) };
      last = current;
      current.run.then(
        () => {
          current.passed = true;
        },
        () => {
          current.failedAt = clock.now();
        },
      );
      return current.run;
    },
    forget() {
      if (last?.passed) last = undefined;
    },
  };
}

async function runCanary(extractor: Pick<Extractor, "processors" | "run">): Promise<void> {
  // If no processor reads plain text, an error from any processor still proves that it runs.
  const reader = extractor.processors.find(({ accepts }) =>
    matchesMediaType(CONTENT_TYPE, accepts),
  );
  const processor = reader ?? extractor.processors[0];
  if (processor === undefined) return;
  const bytes = new TextEncoder().encode("canary");
  try {
    await extractor.run({
      processor: processor.name,
      contentType: CONTENT_TYPE,
      extension: ".txt",
      sizeBytes: bytes.byteLength,
      open: async () => chunksOf(bytes),
      signal: new AbortController().signal,
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "extractor_unavailable") throw error;
    const answered = code === "processor_failed" || String(code).startsWith("document_");
    if (reader === undefined && answered) return;
    throw unavailable(`its canary failed: ${reason}`, error);
  }
}
