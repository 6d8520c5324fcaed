import { type ProcessorInput, StowageError } from "../../src/processor.ts";
import type { MarkupHandler } from "./markup.ts";
import { readXml, type XmlOptions } from "./xml.ts";
import { ZipArchive } from "./zip.ts";

/** A reference from one part to another of the same package. External references are left out. */
export interface Relationship {
  readonly id: string;
  /** The last segment of the type's URI: `slide`, `footnotes`. */
  readonly type: string;
  /** The name of the part, which may not exist. */
  readonly target: string;
}

/** Skipped by every reader: alternatives for programs that do not know the newer markup before them. */
export const FALLBACK = "mc:Fallback";

/**
 * An Office Open XML document: parts of XML in a ZIP archive, found through relationships.
 *
 * @see https://ecma-international.org/publications-and-standards/standards/ecma-376/ part 2
 */
export class OfficePackage {
  /** The main part: document, workbook or presentation. */
  readonly main: string;
  readonly #zip: ZipArchive;
  readonly #signal: AbortSignal;
  /** By lower-case name, because part names ignore case. */
  readonly #names: ReadonlyMap<string, string>;

  private constructor(zip: ZipArchive, signal: AbortSignal, main: string) {
    this.#zip = zip;
    this.#signal = signal;
    this.#names = new Map(Array.from(zip.names, (name) => [name.toLowerCase(), name]));
    this.main = main;
  }

  /** @throws {StowageError} As `ZipArchive.open` does; `document_wrong_type` for other archives. */
  static async open(input: ProcessorInput, signal: AbortSignal): Promise<OfficePackage> {
    const zip = await ZipArchive.open(input);
    const root = await new OfficePackage(zip, signal, "").relationships("");
    const main = root.find(({ type }) => type === "officeDocument");
    if (main === undefined) throw noOffice();
    return new OfficePackage(zip, signal, main.target);
  }

  has(part: string): boolean {
    return this.#names.has(part.toLowerCase());
  }

  /** @throws {StowageError} As `ZipArchive.stream` and `readXml` do. */
  async read(
    part: string,
    handler: MarkupHandler,
    ignore: NonNullable<XmlOptions["ignore"]> = new Set([FALLBACK]),
  ): Promise<void> {
    const name = this.#names.get(part.toLowerCase()) ?? part;
    await readXml(this.#zip.stream(name), handler, { signal: this.#signal, ignore });
  }

  /** The relationships of a part in order, or of the package itself for an empty name. */
  async relationships(part: string): Promise<Relationship[]> {
    const slash = part.lastIndexOf("/") + 1;
    const folder = part.slice(0, slash);
    const source = `${folder}_rels/${part.slice(slash)}.rels`;
    const found: Relationship[] = [];
    if (!this.has(source)) return found;
    await this.read(source, {
      open(name, { Id, Type, Target, TargetMode }) {
        if (name !== "rel:Relationship" || TargetMode === "External") return;
        if (Id === undefined || Type === undefined || Target === undefined) return;
        const type = Type.slice(Type.lastIndexOf("/") + 1);
        found.push({ id: Id, type, target: partName(folder, Target) });
      },
    });
    return found;
  }

  /** The name of the outermost element of the main part. */
  async rootElement(): Promise<string> {
    const handler = {
      root: "",
      get done() {
        return this.root !== "";
      },
      open(name: string) {
        this.root ||= name;
      },
    };
    await this.read(this.main, handler);
    return handler.root;
  }
}

/** Resolve a name relative to a folder. The result is only compared with part names. */
export function partName(folder: string, target: string): string {
  const segments: string[] = [];
  for (const segment of (target.startsWith("/") ? target : folder + target).split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "." && segment !== "") segments.push(segment);
  }
  return unescaped(segments.join("/"));
}

function unescaped(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

function noOffice(): StowageError {
  return new StowageError(
    "document_wrong_type",
    "Cannot read document: not a DOCX, XLSX or PPTX file",
  );
}
