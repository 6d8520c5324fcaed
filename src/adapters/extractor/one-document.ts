import { type ByteStream, chunksOf } from "../../domain/bytes.ts";
import { isStowageError } from "../../domain/errors.ts";
import type { ProcessorInput } from "../../domain/ports/processor.ts";

export type DocumentFacts = Pick<ProcessorInput, "contentType" | "extension" | "sizeBytes">;

/** Finds the text of a document for `ProcessorInput.text`. */
export type TextFinder = (facts: DocumentFacts, stream: ByteStream) => Promise<string>;

/** A document that can be read once, as a processor sees it. */
export class OneDocument {
  readonly input: ProcessorInput;
  readonly #facts: DocumentFacts;
  readonly #stream: ByteStream;
  readonly #findText: TextFinder;
  #taken = false;
  #bytes: Promise<Uint8Array> | undefined;
  #text: Promise<string> | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(facts: DocumentFacts, stream: ByteStream, findText: TextFinder) {
    this.#facts = facts;
    this.#stream = stream;
    this.#findText = findText;
    this.input = {
      ...facts,
      stream: () => this.#take(),
      bytes: () => this.#readAll(),
      text: () => this.#readText(),
    };
  }

  /** @throws The error that prevented reading, if neither the document nor the processor is at fault. */
  throwIfFailed(): void {
    if (this.#failure) throw this.#failure.error;
  }

  #take(): ByteStream {
    if (this.#taken) {
      throw new Error("the document has been read already: call bytes() first, and then text()");
    }
    this.#taken = true;
    return this.#watched();
  }

  /** Remembers what the stream threw, even if the processor swallows it. */
  async *#watched(): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#stream;
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    }
  }

  async #readAll(): Promise<Uint8Array> {
    this.#bytes ??= collect(this.#take(), this.#facts.sizeBytes);
    return await this.#bytes;
  }

  async #readText(): Promise<string> {
    this.#text ??= this.#find();
    return await this.#text;
  }

  async #find(): Promise<string> {
    // Read from the array that the processor has: a reader may detach its own (PDF.js does).
    const stream = this.#bytes === undefined ? this.#take() : chunksOf(await this.#bytes);
    try {
      return await this.#findText(this.#facts, stream);
    } catch (error) {
      if (!isStowageError(error) || !error.code.startsWith("document_")) {
        this.#failure ??= { error };
      }
      throw error;
    }
  }
}

/** One array of the announced size, filled as the bytes arrive, so that memory holds the document only once. */
async function collect(stream: ByteStream, sizeBytes: number): Promise<Uint8Array> {
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
