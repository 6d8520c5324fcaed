import type { ByteStream } from "../../domain/bytes.ts";
import { isStowageError, StowageError } from "../../domain/errors.ts";
import type {
  Processor,
  ProcessorContext,
  ProcessorInput,
  ProcessorOutput,
} from "../../domain/ports/processor.ts";

export type DocumentFacts = Pick<ProcessorInput, "contentType" | "extension" | "sizeBytes">;

/** Facts are for records and answers; text goes where there is room. */
const MAX_OUTPUT_BYTES = 64 * 1024;

/** What V8 says when a document asked for more stack or memory than there is. */
const EXHAUSTION =
  /call stack|allocation failed|allocate memory|out of memory|Invalid (?:string|array|typed array) length/i;

/**
 * Run one processor on one document and hold it to its contract.
 *
 * @throws {StowageError} A `document_*` error of the processor's own; `document_too_complex` when it ran out
 *   of stack or memory; `processor_failed` for everything else, a broken contract included. Errors of
 *   `stream` pass through, so that a sick storage is not blamed on the document.
 */
export async function runProcessor(
  processor: Processor,
  facts: DocumentFacts,
  stream: ByteStream,
  context: ProcessorContext,
): Promise<ProcessorOutput> {
  const source = watched(stream);
  const input: ProcessorInput = {
    ...facts,
    stream: () => source.stream,
    bytes: () => readAll(source.stream, facts.sizeBytes),
  };
  try {
    return checked(await processor.process(input, context), context.maxTextBytes);
  } catch (error) {
    if (source.failure) throw source.failure.error;
    throw blame(error, processor.name);
  }
}

/** Remembers what the stream itself threw, whatever the processor makes of it. */
function watched(stream: ByteStream): {
  readonly stream: ByteStream;
  readonly failure: { error: unknown } | undefined;
} {
  let failure: { error: unknown } | undefined;
  return {
    get failure() {
      return failure;
    },
    stream: {
      async *[Symbol.asyncIterator]() {
        try {
          yield* stream;
        } catch (error) {
          failure = { error };
          throw error;
        }
      },
    },
  };
}

/** One array of the announced size, filled as the bytes arrive: never the document twice. */
async function readAll(stream: ByteStream, sizeBytes: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(sizeBytes);
  let length = 0;
  for await (const chunk of stream) {
    if (length + chunk.byteLength > sizeBytes) throw new Error("document exceeds its size");
    bytes.set(chunk, length);
    length += chunk.byteLength;
  }
  if (length < sizeBytes) throw new Error("document ends before its size");
  return bytes;
}

function checked({ output, text }: ProcessorOutput, maxTextBytes: number): ProcessorOutput {
  const json = JSON.stringify(output);
  if (json === undefined || byteLength(json) > MAX_OUTPUT_BYTES) {
    throw new Error(`its output is no JSON of at most ${MAX_OUTPUT_BYTES} bytes`);
  }
  const plain = JSON.parse(json) as ProcessorOutput["output"];
  if (text === undefined) return { output: plain };
  const wellFormed = text.toWellFormed();
  if (wellFormed.length * 3 > maxTextBytes && byteLength(wellFormed) > maxTextBytes) {
    throw new Error(`its text exceeds ${maxTextBytes} bytes`);
  }
  return { output: plain, text: wellFormed };
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}

function blame(error: unknown, processor: string): StowageError {
  if (isExhaustion(error)) {
    return new StowageError(
      "document_too_complex",
      "Cannot process document: it needs more memory or nesting than there is",
      { cause: error },
    );
  }
  if (isStowageError(error) && error.code.startsWith("document_")) return error;
  return new StowageError(
    "processor_failed",
    `Cannot process document: processor ${processor} failed`,
    { cause: error },
  );
}

/** Looks through what a processor or its library wrapped around it. */
function isExhaustion(error: unknown): boolean {
  for (
    let link = error, depth = 0;
    link instanceof Error && depth < 5;
    link = link.cause, depth += 1
  ) {
    if (EXHAUSTION.test(link.message)) return true;
  }
  return false;
}
