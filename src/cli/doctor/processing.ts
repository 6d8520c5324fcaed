import { totalmem } from "node:os";
import process from "node:process";
import { isAbort } from "../../domain/errors.ts";
import { formatSize } from "../format.ts";
import type { Check } from "./check.ts";

/** The service, SQLite and the system need the rest. */
const SHARE_FOR_DOCUMENTS = 0.75;

/** Whether documents can be processed, and whether memory suffices for all that are processed at once. */
export const processingCheck: Check = {
  title: "Processing",
  async *run({ config, parts }) {
    try {
      await parts.checkExtraction();
      yield { status: "ok", text: "a child process starts and reads a document" };
    } catch (error) {
      if (isAbort(error)) throw error;
      yield {
        status: "fail",
        text: "documents cannot be read: uploads are stored, but processing waits",
        detail: error instanceof Error ? error.message : String(error),
        advice:
          "let this user start processes of Node (container limits, ulimit -u, ulimit -v), and do not lower PROCESSING_MEMORY_BYTES below 128MiB",
      };
    }
    const { concurrency, memoryBytes } = config.processing;
    const memory = availableMemory();
    const wanted = concurrency * memoryBytes;
    if (wanted <= memory * SHARE_FOR_DOCUMENTS) return;
    yield {
      status: "warn",
      text: `${concurrency} documents at once may use ${formatSize(memoryBytes)} each, but only ${formatSize(memory)} are available: the system may kill stowage`,
      advice: `set PROCESSING_CONCURRENCY=${Math.max(1, Math.floor((memory * SHARE_FOR_DOCUMENTS) / memoryBytes))}, or lower PROCESSING_MEMORY_BYTES`,
    };
  },
};

/** The container's limit, if any: without one `constrainedMemory` is 0 or enormous. */
function availableMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
