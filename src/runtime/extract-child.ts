/**
 * The extraction process: reads documents from its standard input and answers on its standard output, until
 * the input ends. Arguments are modules (URLs) whose default export is a processor, besides our own.
 */
import { Console } from "node:console";
import process from "node:process";
import {
  type ChildMessage,
  encodeMessage,
  type Frame,
  type FrameKind,
  frameBytes,
  ProtocolError,
  payloadsOf,
  type RunMessage,
  readFrames,
} from "../adapters/extractor/protocol.ts";
import { runProcessor } from "../adapters/extractor/run-processor.ts";
import type { ByteStream } from "../domain/bytes.ts";
import { isStowageError, StowageError } from "../domain/errors.ts";
import type { LogFields, Logger } from "../domain/ports/logger.ts";
import type { Processor } from "../domain/ports/processor.ts";

const send = takeOverStandardOutput();
// Ctrl-C and a supervisor signal all processes of a service; only the service decides when we stop.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});

const processors = await loadProcessors(process.argv.slice(2));
await say({
  type: "ready",
  processors: processors.map(({ name, version }) => ({ name, version })),
});
const frames = readFrames(process.stdin);
for (let next = await frames.next(); !next.done; next = await frames.next()) {
  await serve(JSON.parse(new TextDecoder().decode(next.value.payload)) as RunMessage, frames);
}
// A processor's leftovers (timers, sockets) must not keep us.
process.exit(0);

/** Standard output is the wire. Whatever a library prints goes to standard error from now on. */
function takeOverStandardOutput(): (bytes: Uint8Array) => Promise<void> {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = process.stderr.write.bind(process.stderr);
  globalThis.console = new Console(process.stderr);
  return (bytes) =>
    new Promise((resolve, reject) => {
      write(bytes, (error) => (error ? reject(error) : resolve()));
    });
}

async function loadProcessors(modules: readonly string[]): Promise<Processor[]> {
  // The readers too, which `text` loads when needed: a library that is missing must show at the start.
  const [text] = await Promise.all([
    import("../../processors/text.ts"),
    import("../../processors/text/pdf.ts"),
    import("../../processors/text/docx.ts"),
  ]);
  const others = await Promise.all(modules.map((module) => import(module)));
  return [text, ...others].map((module: { default: Processor }) => module.default);
}

/** Run one document and answer, then skip what is left of it. */
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
    const { output, text } = await runProcessor(processor, request, document, {
      // Never aborted: whoever loses patience kills the process.
      signal: new AbortController().signal,
      logger: remoteLogger({}),
      maxTextBytes: request.maxTextBytes,
    });
    for (const payload of payloadsOf(new TextEncoder().encode(text)))
      await sendFrame("data", payload);
    await say({ type: "result", output, hasText: text !== undefined, usage: usage() });
  } catch (error) {
    if (!isStowageError(error)) throw error;
    const { code, message } = error;
    if (error.cause instanceof Error) console.error(error.cause);
    await say({ type: "error", code, detail: message.slice(0, 1_000), usage: usage() });
  }
  for await (const _ of document) {
    // Skipped.
  }
}

/** The data frames up to `end`. Goes on where the last reader stopped; leaves `frames` open. */
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

/** Sends what a processor logs to the service. Lines too large for a frame are dropped. */
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
