import { onTestFinished } from "vitest";
import text from "../../../processors/text.ts";
import {
  type ChildExtractorOptions,
  createChildExtractor,
} from "../../../src/adapters/extractor/child-process.ts";
import { chunksOf } from "../../../src/domain/bytes.ts";
import { isStowageError, type StowageError } from "../../../src/domain/errors.ts";
import type { Extraction, Extractor } from "../../../src/domain/ports/extractor.ts";
import type { Host, HostProcess } from "../../../src/domain/ports/host.ts";
import { SILENT } from "../../../src/domain/ports/logger.ts";
import { nodeExtractCommand } from "../../../src/runtime/extraction/extract-command.ts";
import { nodeHost } from "../../../src/runtime/host-node.ts";
import hostile from "./hostile.ts";

const MODULES = [new URL("./hostile.ts", import.meta.url).href];

/** The Node host, with every process it ever started. */
export interface WatchedHost extends Host {
  readonly started: HostProcess[];
}

export function watchedHost(changes: Partial<Host> = {}): WatchedHost {
  const started: HostProcess[] = [];
  return {
    ...nodeHost,
    ...changes,
    started,
    spawn(...call) {
      const process = nodeHost.spawn(...call);
      started.push(process);
      return process;
    },
  };
}

/** Real processes that offer `text` and `hostile`; closed with the test. `run` works on its own. */
export function extractor(options: Partial<ChildExtractorOptions> = {}): Extractor {
  const created = createChildExtractor({
    host: nodeHost,
    command: nodeExtractCommand({ modules: MODULES }),
    processors: [text, hostile],
    concurrency: 1,
    logger: SILENT,
    clock: { now: () => Date.now() },
    ...options,
  });
  onTestFinished(() => created.close());
  return {
    processors: created.processors,
    concurrency: created.concurrency,
    run: (extraction) => created.run(extraction),
    check: () => created.check(),
    close: () => created.close(),
  };
}

/** A document for `hostile`, saying what it shall do. */
export function deed(says: string, changes: Partial<Extraction> = {}): Extraction {
  return document(new TextEncoder().encode(says), {
    processor: "hostile",
    contentType: "text/x-hostile",
    extension: "",
    ...changes,
  });
}

/** A document for `text`. */
export function document(bytes: Uint8Array, changes: Partial<Extraction> = {}): Extraction {
  return {
    processor: "text",
    contentType: "text/plain",
    extension: ".txt",
    sizeBytes: bytes.byteLength,
    open: async () => chunksOf(bytes),
    signal: new AbortController().signal,
    ...changes,
  };
}

/** What `run` rejects with, which must be an error of this project. */
export async function failureOf(run: Promise<unknown>): Promise<StowageError> {
  const error = await run.then(
    (value) => new Error(`it succeeded: ${JSON.stringify(value).slice(0, 200)}`),
    (reason: unknown) => reason,
  );
  if (!isStowageError(error)) throw error;
  return error;
}
