import { type ByteStream, concatBytes } from "../../domain/bytes.ts";
import { StowageError, UploadTooLargeError } from "../../domain/errors.ts";
import { UNKNOWN_MEDIA_TYPE } from "../../domain/media-type.ts";
import { findHeaderValue } from "./multipart/header-value.ts";
import { invalidMultipart } from "./multipart/invalid-multipart.ts";
import { MultipartReader } from "./multipart/multipart-reader.ts";
import { findText, type Part, parsePart } from "./multipart/part.ts";

/** A form that has been read up to its file. */
export interface UploadForm {
  /** As sent; may be a whole path. */
  readonly filename: string;
  readonly declaredType: string;
  /**
   * The file, read on demand. Ending its iteration early ends the whole form. Fails with the error of the form, or
   * with `body_incomplete` if the client disconnects.
   */
  readonly file: ByteStream;
  /** The fields that came before the file. */
  readonly fieldsBefore: FormFields;
  /**
   * All fields, including those after the file. Waits until the file has been read, then reads the rest of the
   * form.
   *
   * @throws {StowageError} `invalid_multipart`, `too_many_files`, `too_many_fields`, `invalid_filename`,
   *   `upload_too_large`.
   */
  fields(): Promise<FormFields>;
  /** Stop reading. Does nothing if the form has ended. */
  release(): void;
}

/** All values of all fields, in the order sent. A Map, because field names may be `__proto__`. */
export type FormFields = ReadonlyMap<string, readonly string[]>;

/** The field that holds the file. */
const FILE_FIELD = "file";
/** The field that may be sent as a JSON file, as `FormData` sends a `Blob`. */
const JSON_FIELD = "metadata";
/** The field that names the charset of the form (HTML, 4.10.22.5; RFC 7578, 4.6). */
const CHARSET_FIELD = "_charset_";

/** More than any known client sends, and small enough to hold in memory. */
const MAX_PARTS = 64;
const MAX_FIELDS = 32;
const MAX_FIELD_BYTES = 8 * 1024;
const MAX_PART_HEADER_BYTES = 16 * 1024;

/** Upper bound on form overhead: headers, boundaries (less than 1 KiB each) and fields. */
export const MAX_FORM_OVERHEAD_BYTES =
  MAX_PARTS * (MAX_PART_HEADER_BYTES + 1024) + MAX_FIELDS * MAX_FIELD_BYTES;

/** @throws {UploadTooLargeError} If a form of this length must have a file over the limit. */
export function assertFormSize(formBytes: number, maxFileBytes: number): void {
  if (formBytes > maxFileBytes + MAX_FORM_OVERHEAD_BYTES)
    throw new UploadTooLargeError(maxFileBytes);
}

/** RFC 2046, 5.1.1. */
const MAX_BOUNDARY_LENGTH = 70;

/**
 * Read a `multipart/form-data` body as it arrives (RFC 7578). Each part is a field, the file, or an error.
 *
 * @param source Its bytes, read on demand.
 * @param contentType The `Content-Type` header, with the boundary.
 * @param maxFileBytes The size limit of the file. The form fails once it is too long for a file of this size.
 * @returns When the file begins. Fields may come before and after it.
 * @throws {UploadTooLargeError} If more than that comes before the file.
 * @throws {StowageError} `invalid_multipart`, `missing_file`, `too_many_fields`, `invalid_filename`,
 *   `body_incomplete`.
 */
export async function readUploadForm(
  source: ByteStream,
  contentType: string,
  maxFileBytes: number = Number.MAX_SAFE_INTEGER,
): Promise<UploadForm> {
  const boundary = boundaryOf(contentType);
  let bytes = 0;
  const reader = new MultipartReader(source, boundary, {
    headerBytes: MAX_PART_HEADER_BYTES,
    onChunk(byteLength) {
      bytes += byteLength;
      // Also bounds the preamble and the epilogue.
      assertFormSize(bytes, maxFileBytes);
    },
  });
  return await new FormReader(reader).begin();
}

class FormReader {
  readonly #reader: MultipartReader;
  readonly #fields = new Map<string, string[]>();
  readonly #fileEnd = Promise.withResolvers<void>();
  #rest: Promise<FormFields> | null = null;
  #charset: string | null = null;
  #parts = 0;
  #fieldCount = 0;
  #hasFile = false;
  #hasEmptyInput = false;

  constructor(reader: MultipartReader) {
    this.#reader = reader;
    // Prevents an unhandled rejection if it fails before `fields` waits for it.
    this.#fileEnd.promise.catch(() => {});
  }

  async begin(): Promise<UploadForm> {
    try {
      const file = await this.#readFields();
      if (file === null) throw this.#hasEmptyInput ? namelessFile() : missingFile("there is none");
      return {
        filename: file.filename ?? "",
        declaredType: file.mediaType,
        file: { [Symbol.asyncIterator]: () => this.#file() },
        fieldsBefore: new Map(this.#fields),
        fields: () => {
          this.#rest ??= this.#readRest();
          return this.#rest;
        },
        release: () => this.#release(),
      };
    } catch (error) {
      throw this.#fail(error);
    }
  }

  /** Not a generator: a generator cannot be ended while it waits for a chunk. */
  #file(): AsyncIterator<Uint8Array> {
    let ended = false;
    return {
      next: async () => {
        try {
          const chunk = await this.#reader.read();
          if (chunk !== null) return { done: false, value: chunk };
        } catch (error) {
          throw this.#fail(error);
        }
        ended = true;
        this.#fileEnd.resolve();
        return { done: true, value: undefined };
      },
      return: async () => {
        if (!ended) this.#release();
        return { done: true, value: undefined };
      },
    };
  }

  async #readRest(): Promise<FormFields> {
    try {
      await this.#fileEnd.promise;
      await this.#readFields();
      return this.#fields;
    } catch (error) {
      throw this.#fail(error);
    }
  }

  #release(): void {
    this.#fail(new StowageError("request_aborted", "Cannot read form: reading was stopped"));
  }

  #fail(error: unknown): unknown {
    this.#fileEnd.reject(error);
    this.#reader.cancel(error);
    return error;
  }

  /** Read fields up to the file. Returns the file's part, or `null` at the end of the form. */
  async #readFields(): Promise<Part | null> {
    for (;;) {
      const headers = await this.#reader.nextPart();
      if (headers === null) return null;
      this.#parts += 1;
      if (this.#parts > MAX_PARTS) throw tooManyFields("it has too many parts");
      const part = parsePart(headers, this.#charset);
      if (isUnnamed(part) && (await this.#reader.read()) === null) this.#addEmptyInput(part);
      else if (isFile(part)) return this.#requireFile(part);
      else await this.#readField(part);
    }
  }

  #requireFile(part: Part): Part {
    if (this.#hasFile) {
      throw new StowageError("too_many_files", "Cannot accept form: it has more than one file");
    }
    if (part.name !== FILE_FIELD) throw missingFile("its file is in another field");
    if ((part.filename ?? "") === "") throw namelessFile();
    this.#hasFile = true;
    return part;
  }

  async #readField(part: Part): Promise<void> {
    if (part.name === FILE_FIELD) throw namelessFile();
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for (let chunk = await this.#reader.read(); chunk !== null; chunk = await this.#reader.read()) {
      bytes += chunk.byteLength;
      if (bytes > MAX_FIELD_BYTES) throw tooManyFields("a field is too long");
      chunks.push(chunk);
    }
    const value = findText(concatBytes(chunks), part.charset, this.#charset);
    if (value === null) throw invalidMultipart("a field is not valid text in its charset or UTF-8");
    this.#addField(part.name, value);
    if (part.name === CHARSET_FIELD) this.#charset = value;
  }

  /** In other fields it is an empty value: an empty `sha256` must not count as missing. */
  #addEmptyInput(part: Part): void {
    if (part.name === FILE_FIELD) this.#hasEmptyInput = true;
    else this.#addField(part.name, "");
  }

  #addField(name: string, value: string): void {
    this.#fieldCount += 1;
    if (this.#fieldCount > MAX_FIELDS) throw tooManyFields("it has too many fields");
    this.#fields.set(name, [...(this.#fields.get(name) ?? []), value]);
  }
}

/** What browsers send for an empty file input, if no bytes follow. */
function isUnnamed(part: Part): boolean {
  return part.filename === "" && part.mediaType === UNKNOWN_MEDIA_TYPE;
}

function isFile({ name, filename, mediaType }: Part): boolean {
  if (name === JSON_FIELD && /^application\/(.+\+)?json$/.test(mediaType)) return false;
  return (filename ?? "") !== "" || mediaType === UNKNOWN_MEDIA_TYPE;
}

function boundaryOf(contentType: string): string {
  const value = findHeaderValue(contentType);
  if (value === null) throw invalidMultipart("its Content-Type is malformed");
  const boundary = value.parameters.get("boundary") ?? "";
  if (boundary === "") throw invalidMultipart("its Content-Type has no boundary");
  if (boundary.length > MAX_BOUNDARY_LENGTH) throw invalidMultipart("its boundary is too long");
  return boundary;
}

function missingFile(state: string): StowageError {
  return new StowageError(
    "missing_file",
    `Cannot find file in form: ${state} (send one part named "file" with a filename, like curl -F file=@cv.pdf)`,
  );
}

function namelessFile(): StowageError {
  return new StowageError(
    "invalid_filename",
    `Cannot use filename: the part "file" has none (send the file itself, like curl -F file=@cv.pdf)`,
  );
}

function tooManyFields(state: string): StowageError {
  return new StowageError("too_many_fields", `Cannot accept form: ${state}`);
}
