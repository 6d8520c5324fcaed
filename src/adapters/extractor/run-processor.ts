import type { ByteStream } from "../../domain/bytes.ts";
import { isStowageError, StowageError } from "../../domain/errors.ts";
import { matchesMediaType } from "../../domain/media-type.ts";
import type { TextFailure } from "../../domain/ports/extractor.ts";
import type { Processor, ProcessorContext, ProcessorOutput } from "../../domain/ports/processor.ts";
import { type DocumentFacts, OneDocument, type TextFinder } from "./one-document.ts";

/** Output is stored in records and sent in answers. Text is stored separately. */
const MAX_OUTPUT_BYTES = 64 * 1024;

/** V8's messages when stack or memory runs out. */
const EXHAUSTION =
  /call stack|allocation failed|allocate memory|out of memory|Invalid (?:string|array|typed array) length/i;

/**
 * Run one processor on one document and check its contract.
 *
 * @throws {StowageError} The processor's own `document_*` error; `document_too_complex` if it ran out of stack
 *   or memory; `processor_failed` for everything else, including a broken contract. Errors of `stream` and
 *   `findText` pass through, even if the processor swallows them: the document is not blamed for a failing
 *   storage or extractor.
 */
export async function runProcessor(
  processor: Processor,
  facts: DocumentFacts,
  stream: ByteStream,
  context: ProcessorContext,
  findText: TextFinder,
): Promise<ProcessorOutput> {
  const { contentType, extension, sizeBytes } = facts;
  const document = new OneDocument({ contentType, extension, sizeBytes }, stream, findText);
  try {
    const result = await processor.process(document.input, context);
    document.throwIfFailed();
    return checked(result, context.maxTextBytes);
  } catch (error) {
    document.throwIfFailed();
    throw blame(error, processor.name);
  }
}

/**
 * Finds the text for other processors by running `text` on the same bytes, under the same limits.
 *
 * @param text The processor of that name, if there is one.
 */
export function textFinder(text: Processor | undefined, context: ProcessorContext): TextFinder {
  return async (facts, stream) => {
    if (text === undefined || !matchesMediaType(facts.contentType, text.accepts)) {
      throw unreadable(facts.contentType);
    }
    const never: TextFinder = async () => {
      throw new Error("text cannot ask for its own text");
    };
    return (await runProcessor(text, facts, stream, context, never)).text ?? "";
  };
}

/** Always fails, for a known reason. */
export function knownFailure({ code, detail }: TextFailure): TextFinder {
  return async () => {
    throw new StowageError(code, detail);
  };
}

/** Documents of this type have no text that we can find. */
export function unreadable(contentType: string): StowageError {
  return new StowageError(
    "document_unreadable",
    `Cannot find text: ${contentType} is not supported`,
  );
}

function checked({ output, text }: ProcessorOutput, maxTextBytes: number): ProcessorOutput {
  const json = JSON.stringify(output);
  if (json === undefined || byteLength(json) > MAX_OUTPUT_BYTES) {
    throw new Error(`its output is not JSON of at most ${MAX_OUTPUT_BYTES} bytes`);
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
      "Cannot process document: it needs too much memory or is nested too deeply",
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

/** Also looks at the causes that a processor or its library wrapped. */
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
