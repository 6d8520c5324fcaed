import type { ProcessorContext, ProcessorInput } from "../../src/processor.ts";
import { decodeText } from "../formats/charset.ts";
import { type MarkupHandler, readMarkup } from "../formats/markup.ts";
import type { RawFacts } from "./facts.ts";

const MAX_TITLE_LENGTH = 8_192;

/**
 * Read what the head of a page states about it.
 *
 * @throws {StowageError} `document_wrong_type` for binary data, `document_too_complex`
 * @see https://html.spec.whatwg.org/multipage/semantics.html#the-head-element
 */
export async function readHtml(
  input: ProcessorInput,
  { signal }: ProcessorContext,
): Promise<RawFacts> {
  const head = new Head();
  const bytes = await input.bytes();
  const mode = input.contentType === "text/html" ? "html" : "xhtml";
  await readMarkup(decodeText(chunksOf(bytes), findCharset), head, { mode, signal });
  return {
    title: head.title,
    authors: [head.named["author"] ?? ""],
    description: head.named["description"],
    language: head.language,
    producer: head.named["generator"],
  };
}

class Head implements MarkupHandler {
  language: string | undefined;
  title: string | undefined;
  /** `meta` elements by name. The first of each counts. */
  readonly named: Record<string, string> = Object.create(null);
  done = false;
  #inTitle = false;

  open(name: string, attributes: Readonly<Record<string, string>>): void {
    // Reading stops only between chunks.
    if (this.done) return;
    if (name === "html") this.language ??= attributes["lang"] ?? attributes["xml:lang"];
    if (name === "body") this.done = true;
    if (name === "title" && this.title === undefined) {
      this.#inTitle = true;
      this.title = "";
    }
    if (name === "meta") {
      const key = attributes["name"]?.toLowerCase();
      const known = key === "author" || key === "description" || key === "generator";
      if (known) this.named[key] ??= attributes["content"] ?? "";
    }
  }

  text(text: string): void {
    if (this.#inTitle && (this.title?.length ?? 0) < MAX_TITLE_LENGTH) this.title += text;
  }

  close(name: string): void {
    if (name === "title") this.#inTitle = false;
  }
}

/** @see https://html.spec.whatwg.org/multipage/parsing.html#prescan-a-byte-stream-to-determine-its-encoding */
function findCharset(head: string): string | null {
  return /<meta\s[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{1,40})/i.exec(head)?.[1] ?? null;
}

const CHUNK_BYTES = 64 * 1024;

/** Split bytes into chunks, so that reading can stop early. */
async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += CHUNK_BYTES) {
    yield bytes.subarray(at, at + CHUNK_BYTES);
  }
}
