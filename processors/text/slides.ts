import type { Attributes, MarkupHandler } from "../formats/markup.ts";
import type { OfficePackage } from "../formats/office-package.ts";
import { BlockWriter, type TextSink } from "./block-writer.ts";

/** Placeholders that repeat on every slide: number, date, header and footer. */
const REPEATED = new Set(["sldNum", "dt", "hdr", "ftr"]);

/**
 * Write a presentation slide by slide, in the order shown: the text of its shapes, with a line for each
 * paragraph, then its diagrams and speaker notes.
 */
export async function writeSlides(document: OfficePackage, sink: TextSink): Promise<void> {
  const writer = new BlockWriter(sink);
  for (const slide of await slidesOf(document)) {
    if (writer.full) return;
    await writeSlide(document, slide, writer);
  }
}

async function writeSlide(
  document: OfficePackage,
  slide: string,
  writer: BlockWriter,
): Promise<void> {
  const parts = await document.relationships(slide);
  const shapes = new ShapesHandler(writer);
  await document.read(slide, shapes);
  const diagrams = parts.filter(({ id }) => shapes.diagrams.has(id));
  const notes = parts.filter(({ type }) => type === "notesSlide");
  for (const { target } of [...diagrams, ...notes]) {
    if (!writer.full && document.has(target))
      await document.read(target, new ShapesHandler(writer));
  }
}

/** Slides in the order shown, each once even if the list repeats it. */
async function slidesOf(document: OfficePackage): Promise<Set<string>> {
  const parts = await document.relationships(document.main);
  const targets = new Map(parts.map(({ id, target }) => [id, target]));
  const slides = new Set<string>();
  await document.read(document.main, {
    open(name, attributes) {
      const target = name === "p:sldId" ? targets.get(attributes["r:id"] ?? "") : undefined;
      if (target !== undefined && document.has(target)) slides.add(target);
    },
  });
  return slides;
}

/** A slide, its notes, or the data of a diagram. */
class ShapesHandler implements MarkupHandler {
  /** Relationships of the diagrams on it. */
  readonly diagrams = new Set<string>();
  readonly #writer: BlockWriter;
  #inText = false;
  #repeated = false;

  constructor(writer: BlockWriter) {
    this.#writer = writer;
  }

  get done(): boolean {
    return this.#writer.full;
  }

  open(name: string, attributes: Attributes): void {
    if (name === "a:t") this.#inText = !this.#repeated;
    else if (name === "a:br") this.#writer.write("\n");
    else if (name === "a:tab") this.#writer.write("\t");
    else if (name === "a:tbl") this.#writer.beginTable();
    else if (name === "p:ph") this.#repeated = REPEATED.has(attributes["type"] ?? "");
    else if (name === "dgm:relIds") this.diagrams.add(attributes["r:dm"] ?? "");
  }

  close(name: string): void {
    if (name === "a:t") this.#inText = false;
    else if (name === "a:p") this.#writer.endBlock("\n");
    else if (name === "a:tc") this.#writer.endCell();
    else if (name === "a:tr") this.#writer.endRow();
    else if (name === "a:tbl") this.#writer.endTable();
    else if (name === "p:sp" || name === "dgm:pt") this.#endShape();
  }

  text(text: string): void {
    if (this.#inText) this.#writer.write(text);
  }

  #endShape(): void {
    this.#writer.separate();
    this.#repeated = false;
  }
}
