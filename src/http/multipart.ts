import busboy from "busboy";
import type { ByteStream } from "../domain/bytes.ts";
import { isStowageError, StowageError, UploadTooLargeError } from "../domain/errors.ts";
import { Channel } from "./channel.ts";

/** A form whose file has begun to arrive. */
export interface UploadForm {
  /** As sent: perhaps a whole path, perhaps empty. */
  readonly filename: string;
  readonly declaredType: string;
  /**
   * The file. It is read no faster than it is asked for; ending its iteration early ends the whole form.
   * Fails with what is wrong with the form, and with `body_incomplete` if the sender goes away.
   */
  readonly file: ByteStream;
  /** The fields that came before the file. */
  readonly fieldsBefore: FormFields;
  /**
   * The other fields by name, those after the file among them. Resolves when the form has ended well, so
   * only once the file has been read.
   *
   * @throws {StowageError} `invalid_multipart`, `too_many_files`, `too_many_fields`, `missing_file`,
   *   `upload_too_large`.
   */
  fields(): Promise<FormFields>;
  /** Read no further. Nothing happens if the form has ended. */
  release(): void;
}

/** Every value of every field, in the order sent. A Map: no name means anything to it. */
export type FormFields = ReadonlyMap<string, readonly string[]>;

/** The field that holds the file. */
const FILE_FIELD = "file";

/** More than any client of ours sends, and little enough to hold. A value at the limit counts as cut. */
const LIMITS = { fields: 32, parts: 64, fieldSize: 8 * 1024 + 1, files: 2 };

/**
 * More than everything around the file can take: the fields, and 16 KiB of headers a part, which is where
 * busboy draws the line.
 */
export const MAX_FORM_OVERHEAD_BYTES = LIMITS.parts * (16 + 1) * 1024 + LIMITS.fields * 8 * 1024;

/** How much is held between the socket and the storage, before and after the parser. */
const BUFFER_BYTES = 256 * 1024;

/**
 * Read a `multipart/form-data` body as it arrives (RFC 7578).
 *
 * @param source Its bytes. Read on in the background until the form has ended, failed or been let go.
 * @param contentType The header, with its boundary.
 * @param maxFileBytes What its file may have; the form fails once it is longer than any around such a file.
 * @returns Once the file begins; fields may come before and after it.
 * @throws {UploadTooLargeError} If so much comes before the file.
 * @throws {StowageError} `invalid_multipart`, `missing_file`, `too_many_fields`, `body_incomplete`.
 */
export async function readUploadForm(
  source: ByteStream,
  contentType: string,
  maxFileBytes: number = Number.MAX_SAFE_INTEGER,
): Promise<UploadForm> {
  return await new FormReader(contentType, maxFileBytes).read(source);
}

class FormReader {
  readonly #parser: busboy.Busboy;
  readonly #fields = new Map<string, string[]>();
  readonly #begun = Promise.withResolvers<UploadForm>();
  readonly #ended = Promise.withResolvers<FormFields>();
  readonly #file: Channel;
  readonly #maxFileBytes: number;
  /** Ends a wait for the parser to take more. */
  #wake: () => void = () => {};
  #hasFile = false;
  #over = false;

  constructor(contentType: string, maxFileBytes: number) {
    this.#maxFileBytes = maxFileBytes;
    // Either may fail while nobody is waiting for it.
    this.#begun.promise.catch(() => {});
    this.#ended.promise.catch(() => {});
    this.#file = new Channel(BUFFER_BYTES, () => this.#release());
    this.#parser = createParser(contentType);
    this.#parser.on("file", (name, part, info) => this.#onFile(name, part, info));
    this.#parser.on("field", (name, value, info) => this.#onField(name, value, info));
    this.#parser.on("partsLimit", () => this.#fail(tooManyFields("it has too many parts")));
    this.#parser.on("fieldsLimit", () => this.#fail(tooManyFields("it has too many fields")));
    this.#parser.on("drain", () => this.#wake());
    this.#parser.on("finish", () => this.#onFinish());
    // It may tell more than one: each has to find a listener.
    this.#parser.on("error", (error: Error) => this.#fail(invalid(error.message, error)));
  }

  async read(source: ByteStream): Promise<UploadForm> {
    this.#pump(source).catch((error: unknown) => this.#fail(error));
    return await this.#begun.promise;
  }

  async #pump(source: ByteStream): Promise<void> {
    let bytes = 0;
    try {
      for await (const chunk of source) {
        if (this.#over) return;
        bytes += chunk.byteLength;
        // A preamble and an epilogue are no part: the parser skips them for as long as they come.
        if (bytes > this.#maxFileBytes + MAX_FORM_OVERHEAD_BYTES) {
          throw new UploadTooLargeError(this.#maxFileBytes);
        }
        if (this.#parser.write(chunk)) continue;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
          if (this.#over) resolve();
        });
        if (this.#over) return;
      }
    } catch (error) {
      if (isStowageError(error)) throw error;
      throw new StowageError("body_incomplete", "Cannot read form: its body ended early", {
        cause: error,
      });
    }
    this.#parser.end();
  }

  #onFile(
    name: string | undefined,
    part: Parameters<busboy.BusboyEvents["file"]>[1],
    info: busboy.FileInfo,
  ): void {
    // A part that is torn down with its parser fails too; the parser's own error is the one that counts.
    part.on("error", () => {});
    const problem = this.#problemOf(name, info);
    if (problem !== null) {
      part.resume();
      this.#fail(problem);
      return;
    }
    this.#hasFile = true;
    part.on("data", (chunk: Uint8Array) => {
      if (!this.#file.push(chunk)) part.pause();
    });
    part.on("end", () => this.#file.end());
    this.#file.onRoom = () => part.resume();
    this.#begun.resolve({
      filename: info.filename ?? "",
      declaredType: info.mimeType,
      file: this.#file,
      fieldsBefore: new Map(this.#fields),
      fields: () => this.#ended.promise,
      release: () => this.#release(),
    });
  }

  #release(): void {
    if (this.#over) return;
    this.#fail(new StowageError("request_aborted", "Cannot read form: its reader has let it go"));
  }

  #problemOf(name: string | undefined, info: busboy.FileInfo): StowageError | null {
    if (this.#hasFile) {
      return new StowageError("too_many_files", "Cannot accept form: it has more than one file");
    }
    if (name !== FILE_FIELD) return missingFile("its file is in another field");
    return isIdentity(info.encoding) ? null : invalid("its file is sent encoded");
  }

  #onField(name: string | undefined, value: string | undefined, info: busboy.FieldInfo): void {
    if (name === undefined) this.#fail(invalid("a part has no name"));
    else if (name === FILE_FIELD) this.#fail(namelessFile());
    else if (!isIdentity(info.encoding)) this.#fail(invalid("a field is sent encoded"));
    else if (value === undefined) this.#fail(invalid("a field is in an unknown charset"));
    else if (info.valueTruncated) this.#fail(tooManyFields("a field is too long"));
    else this.#fields.set(name, [...(this.#fields.get(name) ?? []), value]);
  }

  #onFinish(): void {
    if (!this.#hasFile) this.#fail(missingFile("it has none"));
    this.#over = true;
    this.#ended.resolve(this.#fields);
  }

  /** The first failure counts, for everybody who waits or will wait. */
  #fail(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#begun.reject(error);
    this.#ended.reject(error);
    this.#file.fail(error);
    this.#wake();
    this.#parser.destroy();
  }
}

/** RFC 2046, 5.1.1: 1 to 70 characters. */
const MAX_BOUNDARY_LENGTH = 70;

function createParser(contentType: string): busboy.Busboy {
  const boundary = /;\s*boundary=(?:"([^"]*)"|([^\s;]*))/i.exec(contentType);
  const { length } = boundary?.[1] ?? boundary?.[2] ?? "";
  if (length === 0) throw invalid("its Content-Type has no boundary");
  if (length > MAX_BOUNDARY_LENGTH) throw invalid("its boundary is too long");
  try {
    return busboy({
      headers: { "content-type": contentType },
      // Browsers send names as UTF-8 without saying so.
      defParamCharset: "utf8",
      preservePath: true,
      limits: LIMITS,
      highWaterMark: BUFFER_BYTES,
      fileHwm: BUFFER_BYTES,
    });
  } catch (error) {
    throw invalid("its Content-Type cannot be read", error);
  }
}

function invalid(reason: string, cause?: unknown): StowageError {
  const state = reason.charAt(0).toLowerCase() + reason.slice(1);
  return new StowageError("invalid_multipart", `Cannot read form: ${state}`, { cause });
}

function missingFile(state: string): StowageError {
  return new StowageError(
    "missing_file",
    `Cannot find the file of this form: ${state} (send one part named "file" with a filename, like curl -F file=@cv.pdf)`,
  );
}

/** The parser takes a part for text if it has no filename, or an empty one. */
function namelessFile(): StowageError {
  return new StowageError(
    "invalid_filename",
    `Cannot use filename: the part "file" has none (send the file itself, like curl -F file=@cv.pdf)`,
  );
}

/** `Content-Transfer-Encoding`s that change nothing (RFC 2045, 6.2). Others are deprecated (RFC 7578, 4.7). */
function isIdentity(encoding: string): boolean {
  return ["7bit", "8bit", "binary"].includes(encoding.trim());
}

function tooManyFields(state: string): StowageError {
  return new StowageError("too_many_fields", `Cannot accept form: ${state}`);
}
