/**
 * Starts a process, then an extraction, where no descriptor is left: to be run with a low `ulimit -n`.
 * Prints what came of both as JSON.
 */
import { openSync } from "node:fs";
import process from "node:process";
import text from "../../../processors/text.ts";
import { createChildExtractor } from "../../../src/adapters/extractor/child-process.ts";
import { chunksOf } from "../../../src/domain/bytes.ts";
import { SILENT } from "../../../src/domain/ports/logger.ts";
import { nodeHost } from "../../../src/runtime/host-node.ts";

/** Take every descriptor that is left. @returns Why there are no more. */
function takeAll(): unknown {
  try {
    for (;;) openSync("/dev/null", "r");
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

const extractor = createChildExtractor({
  host: nodeHost,
  command: ["true"],
  processors: [text],
  concurrency: 1,
  logger: SILENT,
  clock: Date,
});
const full = takeAll();

const started = nodeHost.spawn("true", [], { env: {} });
let outputBytes = 0;
for await (const chunk of started.output) outputBytes += chunk.byteLength;
const write = await started.write(new Uint8Array(1)).catch(() => "rejected");
started.end();
started.kill("SIGKILL");

const extraction = await extractor
  .run({
    processor: "text",
    contentType: "text/plain",
    extension: ".txt",
    sizeBytes: 1,
    open: async () => chunksOf(new Uint8Array(1)),
    signal: new AbortController().signal,
  })
  .catch(({ code, retryable }) => ({ code, retryable }));

const { pid } = started;
const report = { full, pid, outputBytes, write, ended: await started.ended, extraction };
process.stdout.write(JSON.stringify(report), () => process.exit());
