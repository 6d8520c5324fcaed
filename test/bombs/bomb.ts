import type { ErrorCode } from "../../src/domain/errors.ts";

/** What a document tries to reach and must not. */
export interface Canary {
  /** A file outside everything that an extraction process may read; its text is in no result. */
  readonly path: string;
  /** `http://127.0.0.1:…`, a port where we listen and expect no request. */
  readonly url: string;
}

/** How a document may end: as text, or for a reason. */
export type End =
  | "processed"
  | Extract<ErrorCode, `document_${string}` | "extractor_crashed" | "processor_failed">;

/** A hostile document. */
export interface Bomb {
  /** A filename; unique. */
  readonly name: string;
  /** What it claims to be. */
  readonly contentType: string;
  /** What it attacks, in a few words. */
  readonly attacks: string;
  /** Every end that is right for it. */
  readonly ends: readonly End[];
  /** Its bytes: the same for the same canary. */
  make(canary: Canary): Uint8Array;
}

export const TYPES = {
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  pptx: "application/vnd.openxmlformats-officedocument.presentationml.presentation",
  odt: "application/vnd.oasis.opendocument.text",
  epub: "application/epub+zip",
  pdf: "application/pdf",
  html: "text/html",
  eml: "message/rfc822",
  rtf: "application/rtf",
  md: "text/markdown",
  csv: "text/csv",
  json: "application/json",
  txt: "text/plain",
} as const;

/** A bomb whose media type follows from its name. */
export function bomb(
  name: string,
  attacks: string,
  ends: readonly End[],
  make: Bomb["make"],
): Bomb {
  const extension = name.slice(name.lastIndexOf(".") + 1) as keyof typeof TYPES;
  return { name, contentType: TYPES[extension], attacks, ends, make };
}
