import { deflateSync } from "node:zlib";

/** How many objects share a stream, as usual with writers of PDFs. */
const OBJECTS_PER_STREAM = 100;

/**
 * Writes a PDF 1.5: everything but streams in compressed object streams, found by a compressed
 * cross-reference stream (ISO 32000-1, 7.5.7 and 7.5.8).
 */
export class PdfWriter {
  readonly #pieces: Buffer[] = [Buffer.from("%PDF-1.5\n%\xe2\xe3\xcf\xd3\n", "latin1")];
  #length = this.#pieces[0]?.length ?? 0;
  /** Type and two fields of each object's entry, by its number. */
  readonly #entries: [number, number, number][] = [[0, 0, 65535]];
  #waiting: { id: number; text: string }[] = [];

  /** The number of an object that is written later, to refer to. */
  reserve(): number {
    return this.#entries.push([0, 0, 0]) - 1;
  }

  object(text: string, id = this.reserve()): number {
    this.#waiting.push({ id, text });
    if (this.#waiting.length === OBJECTS_PER_STREAM) this.#flush();
    return id;
  }

  stream(bytes: Buffer | string, dictionary = "", id = this.reserve()): number {
    this.#entries[id] = [1, this.#length, 0];
    const deflated = deflateSync(bytes);
    const head = `${id} 0 obj\n<< ${dictionary} /Filter /FlateDecode /Length ${deflated.length} >>\nstream\n`;
    this.#write(Buffer.from(head), deflated, Buffer.from("\nendstream\nendobj\n"));
    return id;
  }

  finish(root: number): Buffer {
    this.#flush();
    const start = this.#length;
    const id = this.reserve();
    this.#entries[id] = [1, start, 0];
    const table = Buffer.alloc(7 * this.#entries.length);
    for (const [i, [type, first, second]] of this.#entries.entries()) {
      table.writeUInt8(type, 7 * i);
      table.writeUInt32BE(first, 7 * i + 1);
      table.writeUInt16BE(second, 7 * i + 5);
    }
    this.stream(
      table,
      `/Type /XRef /Size ${this.#entries.length} /W [1 4 2] /Root ${root} 0 R`,
      id,
    );
    this.#write(Buffer.from(`startxref\n${start}\n%%EOF\n`));
    return Buffer.concat(this.#pieces);
  }

  #flush(): void {
    const objects = this.#waiting;
    if (objects.length === 0) return;
    this.#waiting = [];
    const into = this.reserve();
    let offset = 0;
    const heads = objects.map(({ id, text }, i) => {
      this.#entries[id] = [2, into, i];
      const head = `${id} ${offset}`;
      offset += Buffer.byteLength(text) + 1;
      return head;
    });
    const index = `${heads.join(" ")}\n`;
    const body = index + objects.map(({ text }) => `${text}\n`).join("");
    this.stream(body, `/Type /ObjStm /N ${objects.length} /First ${index.length}`, into);
  }

  #write(...pieces: Buffer[]): void {
    this.#pieces.push(...pieces);
    for (const piece of pieces) this.#length += piece.length;
  }
}
