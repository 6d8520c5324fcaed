import { type ProcessorContext, type ProcessorInput, StowageError } from "../../src/processor.ts";
import { type Attributes, type MarkupHandler, readMarkup } from "../formats/markup.ts";
import { partName } from "../formats/office-package.ts";
import { readXml } from "../formats/xml.ts";
import { decodeXml } from "../formats/xml-encoding.ts";
import { ZipArchive } from "../formats/zip.ts";
import { type CollectedText, TextCollector } from "./collector.ts";
import { HtmlText } from "./html-text.ts";

const CHAPTERS = new Set(["application/xhtml+xml", "text/html"]);

/** These algorithms only obfuscate fonts, which do not matter for text. */
const OBFUSCATIONS = new Set([
  "http://www.idpf.org/2008/embedding",
  "http://ns.adobe.com/pdf/enc#RC",
]);

/**
 * Read the text of a book: its chapters in spine order, each as an HTML page.
 *
 * @throws {StowageError} As `ZipArchive`, `readXml` and `readMarkup` do; `document_encrypted` if chapters are
 *   encrypted, `document_wrong_type` if the package document is missing.
 * @see https://www.w3.org/TR/epub-33/
 */
export async function readEpub(
  input: ProcessorInput,
  { signal, maxTextBytes }: ProcessorContext,
): Promise<CollectedText> {
  const zip = await ZipArchive.open(input);
  const read = (part: string, handler: MarkupHandler) =>
    readXml(zip.stream(part), handler, { signal });
  const encrypted = await encryptedParts(zip, read);
  const text = new TextCollector(maxTextBytes);
  for (const chapter of await chaptersOf(zip, read)) {
    if (encrypted.has(chapter)) {
      throw new StowageError("document_encrypted", "Cannot open book: its chapters are encrypted");
    }
    const handler = new ChapterHandler(text);
    await readMarkup(decodeXml(zip.stream(chapter)), handler, { mode: "xhtml", signal });
    if (handler.done) break;
  }
  return text.finish();
}

type Read = (part: string, handler: MarkupHandler) => Promise<void>;

/** Each chapter once, even if the spine repeats it. */
async function chaptersOf(zip: ZipArchive, read: Read): Promise<Set<string>> {
  let book: string | undefined;
  await read("META-INF/container.xml", {
    open(name, attributes) {
      if (name === "container:rootfile") book ??= attributes["full-path"];
    },
  });
  if (book === undefined) {
    throw new StowageError("document_wrong_type", "Cannot read book: it has no package document");
  }
  const folder = book.slice(0, book.lastIndexOf("/") + 1);
  const items = new Map<string, string>();
  const chapters = new Set<string>();
  await read(book, {
    open(name, { id = "", href = "", idref = "", "media-type": type = "" }) {
      if (name === "opf:item" && CHAPTERS.has(type)) items.set(id, partName(folder, href));
      const chapter = name === "opf:itemref" ? items.get(idref) : undefined;
      if (chapter !== undefined && zip.has(chapter)) chapters.add(chapter);
    },
  });
  return chapters;
}

async function encryptedParts(zip: ZipArchive, read: Read): Promise<Set<string>> {
  const parts = new Set<string>();
  if (!zip.has("META-INF/encryption.xml")) return parts;
  let obfuscated = false;
  await read("META-INF/encryption.xml", {
    open(name, { Algorithm = "", URI = "" }) {
      if (name === "enc:EncryptedData") obfuscated = false;
      else if (name === "enc:EncryptionMethod") obfuscated = OBFUSCATIONS.has(Algorithm);
      else if (name === "enc:CipherReference" && !obfuscated) parts.add(partName("", URI));
    },
  });
  return parts;
}

/** A page without its head, because e-readers do not show its title. A blank line precedes it. */
class ChapterHandler implements MarkupHandler {
  readonly #page: HtmlText;
  #heads = 0;

  constructor(text: TextCollector) {
    let gap = "\n\n";
    this.#page = new HtmlText({
      add(piece) {
        const taken = text.add(gap + piece);
        gap = "";
        return taken;
      },
    });
  }

  get done(): boolean {
    return this.#page.done;
  }

  open(name: string, attributes: Attributes): void {
    if (name === "head") this.#heads += 1;
    if (this.#heads === 0) this.#page.open(name, attributes);
  }

  close(name: string): void {
    if (this.#heads === 0) this.#page.close(name);
    if (name === "head") this.#heads -= 1;
  }

  text(text: string): void {
    if (this.#heads === 0) this.#page.text(text);
  }
}
