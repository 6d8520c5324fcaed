/**
 * The extraction process: reads documents from its standard input and writes results to its standard output, until
 * the input ends. The arguments are URLs of further modules, whose default export is a processor or an array of them.
 */
import { Console } from "node:console";
import process from "node:process";
import { loadReaders as loadMetadataReaders } from "../../../processors/metadata.ts";
import textProcessor, { loadReaders as loadTextReaders } from "../../../processors/text.ts";
import {
  type ChildMessage,
  encodeMessage,
  type Frame,
  type FrameKind,
  frameBytes,
  type ModuleReport,
  ProtocolError,
  payloadsOf,
  type RunMessage,
  readFrames,
} from "../../adapters/extractor/protocol.ts";
import { knownFailure, runProcessor, textFinder } from "../../adapters/extractor/run-processor.ts";
import type { ByteStream } from "../../domain/bytes.ts";
import { traceOf } from "../../domain/error-trace.ts";
import { isStowageError, StowageError } from "../../domain/errors.ts";
import { PROCESSOR_MARK } from "../../domain/port-mark.ts";
import type { LogFields, Logger } from "../../domain/ports/logger.ts";
import type { Processor, ProcessorInfo } from "../../domain/ports/processor.ts";
import { processorProblems } from "../../domain/processor-info.ts";
import { BUILT_IN_PROCESSORS } from "../modules/built-in-processors.ts";
import {
  definitionsOf,
  importModule,
  type ModuleKind,
  ModuleProblem,
} from "../modules/module-exports.ts";

const PROCESSOR: ModuleKind = {
  word: "processor",
  maker: "defineProcessor",
  mark: PROCESSOR_MARK,
};

const send = takeOverStandardOutput();
// Ctrl-C and supervisors signal all processes of a service, but only the service decides when this one stops.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});

const { processors, modules } = await loadProcessors(process.argv.slice(2));
await say({ type: "ready", processors: processors.map(infoOf), modules, usage: usage() });
const frames = readFrames(process.stdin);
for (let next = await frames.next(); !next.done; next = await frames.next()) {
  await serve(JSON.parse(new TextDecoder().decode(next.value.payload)) as RunMessage, frames);
}
// Timers and sockets that a processor left open must not keep the process alive.
process.exit(0);

/** Standard output carries the protocol. Redirect what libraries print to standard error. */
function takeOverStandardOutput(): (bytes: Uint8Array) => Promise<void> {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = process.stderr.write.bind(process.stderr);
  globalThis.console = new Console(process.stderr);
  return (bytes) =>
    new Promise((resolve, reject) => {
      write(bytes, (error) => (error ? reject(error) : resolve()));
    });
}

async function loadProcessors(
  urls: readonly string[],
): Promise<{ processors: readonly Processor[]; modules: readonly ModuleReport[] }> {
  const own = await loadBuiltIn();
  const loaded = await Promise.all(urls.map(loadFrom));
  return {
    processors: [...own, ...loaded.flatMap((result) => (Array.isArray(result) ? result : []))],
    modules: loaded.map((result) =>
      Array.isArray(result) ? { processors: result.map(infoOf) } : result,
    ),
  };
}

/** @returns The processors of the module, or why it cannot be used. */
async function loadFrom(url: string): Promise<Processor[] | { expected: string }> {
  try {
    const found = definitionsOf(await importModule(url), PROCESSOR) as Processor[];
    const problems = found.flatMap(processorProblems);
    if (problems.length === 0) return found;
    return { expected: `processors that this release supports; ${problems.join("; ")}` };
  } catch (error) {
    if (error instanceof ModuleProblem) return { expected: error.expected };
    throw error;
  }
}

function infoOf({ name, version, accepts }: Processor): ProcessorInfo {
  return { name, version, accepts };
}

/** Also load the readers that `text` would load on demand, so that a missing library shows at the start. */
async function loadBuiltIn(): Promise<readonly Processor[]> {
  await Promise.all([loadTextReaders(), loadMetadataReaders()]);
  return BUILT_IN_PROCESSORS;
}

/** Process one document, send the result, and skip what is left of the document. */
async function serve(request: RunMessage, frames: AsyncGenerator<Frame>): Promise<void> {
  const document = documentOf(frames);
  try {
    const processor = processors.find(({ name }) => name === request.processor);
    if (processor === undefined) {
      throw new StowageError(
        "processor_missing",
        `Cannot process document: no ${request.processor}`,
      );
    }
    const context = {
      // Never aborted: on a timeout the service kills the process.
      signal: new AbortController().signal,
      logger: remoteLogger({}),
      maxTextBytes: request.maxTextBytes,
    };
    const { textFailure } = request;
    const findText = textFailure ? knownFailure(textFailure) : textFinder(textProcessor, context);
    const { output, text } = await runProcessor(processor, request, document, context, findText);
    const payloads = [...payloadsOf(new TextEncoder().encode(text))];
    await Promise.all([
      ...payloads.map((payload) => sendFrame("data", payload)),
      say({ type: "result", output, hasText: text !== undefined, usage: usage() }),
    ]);
  } catch (error) {
    if (!isStowageError(error)) throw error;
    const { code, message, cause } = error;
    if (cause instanceof Error) console.error(cause);
    const causes = traceOf(cause, { stacks: true });
    await say({ type: "error", code, detail: message.slice(0, 1_000), causes, usage: usage() });
  }
  for await (const _ of document) {
    // Skip.
  }
}

/** The data frames up to `end`. A second reader continues where the first stopped; `frames` stays open. */
function documentOf(frames: AsyncGenerator<Frame>): ByteStream {
  let over = false;
  return {
    async *[Symbol.asyncIterator]() {
      while (!over) {
        const next = await frames.next();
        if (next.done) throw new ProtocolError("Cannot read document: the stream ended", true);
        over = next.value.kind === "end";
        if (next.value.kind === "data") yield next.value.payload;
      }
    },
  };
}

/** Sends the log lines of a processor to the service. Lines too large for a frame are dropped. */
function remoteLogger(context: LogFields): Logger {
  const at =
    (level: "debug" | "info" | "warn" | "error") => (event: string, fields?: LogFields) => {
      say({ type: "log", level, event, fields: { ...context, ...fields } }).catch(() => {});
    };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => remoteLogger({ ...context, ...fields }),
  };
}

function usage(): { cpuMs: number; rssBytes: number } {
  const { user, system } = process.cpuUsage();
  return { cpuMs: (user + system) / 1000, rssBytes: process.memoryUsage.rss() };
}

async function say(message: ChildMessage): Promise<void> {
  await sendFrame("message", encodeMessage(message));
}

async function sendFrame(kind: FrameKind, payload: Uint8Array): Promise<void> {
  await Promise.all(frameBytes(kind, payload).map(send));
}
