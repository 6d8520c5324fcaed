import { type Entry, fromBufferPromise, getFileNameLowLevel, type ZipFile } from "yauzl";
import {
  type ByteStream,
  isStowageError,
  type ProcessorInput,
  StowageError,
} from "../../src/processor.ts";
import { refuseCompoundFile } from "./compound-file.ts";
import { crc32 } from "./crc32.ts";

const MIB = 1024 * 1024;

/** Limits of one archive. Real documents stay well below, bombs go far beyond. */
export const ZIP_LIMITS = {
  /** The archive itself, which is held in memory: half of the limit of its process. */
  archiveBytes: 256 * MIB,
  entries: 32_768,
  /** Names, extra fields and comments of all entries. */
  directoryBytes: 16 * MIB,
  /** Inflated, of all entries that are read. */
  inflatedBytes: 256 * MIB,
  /** Inflated bytes per compressed byte. Office XML has 5 to 30, the maximum of deflate is 1,032. */
  ratio: 200,
  /** The ratio is not checked below this many inflated bytes. */
  ratioFromBytes: 8 * MIB,
} as const;

/**
 * A ZIP archive whose entries are read one by one, by name, as streams.
 *
 * A name is a key of a map, never a path. Ambiguous archives (two entries with the same name or overlapping
 * bytes) are rejected, as is everything beyond {@link ZIP_LIMITS}. Archives inside entries are not opened.
 *
 * @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
export class ZipArchive {
  readonly #file: ZipFile;
  readonly #entries: ReadonlyMap<string, Entry>;
  #inflatedBytes = 0;

  private constructor(file: ZipFile, entries: ReadonlyMap<string, Entry>) {
    this.#file = file;
    this.#entries = entries;
  }

  /**
   * Load a document into memory and read its directory.
   *
   * @throws {StowageError} `document_wrong_type` if it is not a ZIP archive, `document_truncated` if its end is
   *   missing, `document_unreadable` if it contradicts itself, `document_too_complex` if it exceeds a limit,
   *   `document_encrypted` if Office wrapped it in a compound file because of a password.
   */
  static async open(input: ProcessorInput): Promise<ZipArchive> {
    if (input.sizeBytes > ZIP_LIMITS.archiveBytes) {
      throw tooComplex(`it exceeds ${ZIP_LIMITS.archiveBytes} bytes`);
    }
    const bytes = await input.bytes();
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    refuseCompoundFile(buffer);
    try {
      const file = await fromBufferPromise(buffer, { decodeStrings: false });
      return new ZipArchive(file, await readDirectory(file));
    } catch (error) {
      throw isStowageError(error) ? error : whyUnopened(buffer, error);
    }
  }

  /** In directory order. */
  get names(): Iterable<string> {
    return this.#entries.keys();
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /**
   * Inflate an entry. Stop reading to stop inflating.
   *
   * @throws {StowageError} While reading: `document_unreadable` if the entry is missing or corrupt,
   *   `document_encrypted` if it needs a password, `document_too_complex` if it exceeds a limit.
   */
  async *stream(name: string): ByteStream & AsyncGenerator<Uint8Array> {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw unreadable("a required part is missing");
    if (entry.isEncrypted()) {
      throw new StowageError("document_encrypted", "Cannot open document: it needs a password");
    }
    try {
      // yauzl enforces the claimed size, so the ratio can be checked before inflating.
      this.#checkRatio(entry.uncompressedSize, entry.compressedSize);
      let sum = 0;
      for await (const chunk of await this.#file.openReadStreamPromise(entry)) {
        const bytes = chunk as Uint8Array;
        this.#count(bytes.byteLength);
        sum = crc32(bytes, sum);
        yield bytes;
      }
      if (sum !== entry.crc32) throw unreadable("a part is corrupt");
    } catch (error) {
      throw isStowageError(error) ? error : broken(error);
    }
  }

  #count(bytes: number): void {
    this.#inflatedBytes += bytes;
    if (this.#inflatedBytes > ZIP_LIMITS.inflatedBytes) {
      throw tooComplex(`its parts inflate to more than ${ZIP_LIMITS.inflatedBytes} bytes`);
    }
  }

  #checkRatio(inflatedBytes: number, deflatedBytes: number): void {
    if (
      inflatedBytes > ZIP_LIMITS.ratioFromBytes &&
      inflatedBytes > ZIP_LIMITS.ratio * deflatedBytes
    ) {
      throw tooComplex(`a part inflates to more than ${ZIP_LIMITS.ratio} times its size`);
    }
  }
}

async function readDirectory(file: ZipFile): Promise<Map<string, Entry>> {
  if (file.entryCount > ZIP_LIMITS.entries) {
    throw tooComplex(`it has more than ${ZIP_LIMITS.entries} parts`);
  }
  const entries = new Map<string, Entry>();
  let directoryBytes = 0;
  for await (const entry of file.eachEntry()) {
    const { generalPurposeBitFlag: flags, fileNameRaw, extraFields } = entry;
    const name = getFileNameLowLevel(flags, fileNameRaw, extraFields, false);
    if (entries.has(name)) throw unreadable("two parts have the same name");
    entries.set(name, entry);
    directoryBytes += entry.fileNameLength + entry.extraFieldLength + entry.fileCommentLength;
    if (directoryBytes > ZIP_LIMITS.directoryBytes) throw tooComplex("its directory is too large");
  }
  if (overlaps([...entries.values()])) throw unreadable("its parts overlap");
  return entries;
}

/** A local header has at least 30 bytes plus the name. */
function overlaps(entries: Entry[]): boolean {
  entries.sort((a, b) => a.relativeOffsetOfLocalHeader - b.relativeOffsetOfLocalHeader);
  return entries.some((entry, i) => {
    const end =
      entry.relativeOffsetOfLocalHeader + 30 + entry.fileNameLength + entry.compressedSize;
    const next = entries[i + 1];
    return next !== undefined && next.relativeOffsetOfLocalHeader < end;
  });
}

/** APPNOTE.TXT, 4.3.7 and 4.3.16: the start of an archive, and the record at its end, which a comment may follow. */
const FIRST_HEADER = Buffer.from("PK\x03\x04");
const END_RECORD = Buffer.from("PK\x05\x06");
const MAX_END_BYTES = 22 + 65_535;

function whyUnopened(bytes: Buffer, cause: unknown): StowageError {
  if (bytes.subarray(-MAX_END_BYTES).includes(END_RECORD)) return broken(cause);
  return bytes.subarray(0, FIRST_HEADER.length).equals(FIRST_HEADER)
    ? new StowageError("document_truncated", "Cannot read document: the file is truncated", {
        cause,
      })
    : new StowageError(
        "document_wrong_type",
        "Cannot read document: not a DOCX, XLSX, PPTX, OpenDocument or EPUB file",
        { cause },
      );
}

function broken(cause: unknown): StowageError {
  return new StowageError("document_unreadable", "Cannot read document: the file is corrupt", {
    cause,
  });
}

function unreadable(found: string): StowageError {
  return new StowageError("document_unreadable", `Cannot read document: ${found}`);
}

function tooComplex(found: string): StowageError {
  return new StowageError("document_too_complex", `Cannot read document: ${found}`);
}
