import { type ByteStream, concatBytes } from "../../domain/bytes.ts";
import { isTrace, type TracedError } from "../../domain/error-trace.ts";
import type { ErrorCode } from "../../domain/errors.ts";
import type { TextFailure } from "../../domain/ports/extractor.ts";
import type { ProcessorInfo } from "../../domain/ports/processor.ts";
import { processorProblems } from "../../domain/processor-info.ts";

/*
 * The protocol between the service and an extraction process: frames over two pipes.
 *
 *     kind (1 byte) · length of the payload (4 bytes, big-endian) · payload
 *
 * Service → process, for each document: `message` RunMessage, `data` … (the document), `end`.
 * Process → service: once `message` ReadyMessage; then for each document any number of LogMessage, `data` …
 * (the text, UTF-8), and `message` ResultMessage or ErrorMessage. An answer may come before `end`: the
 * process then skips the rest of the document.
 */

export type FrameKind = "message" | "data" | "end";

export interface Frame {
  readonly kind: FrameKind;
  readonly payload: Uint8Array;
}

export interface RunMessage {
  readonly type: "run";
  readonly processor: string;
  readonly contentType: string;
  readonly extension: string;
  readonly sizeBytes: number;
  readonly maxTextBytes: number;
  /** See `Extraction.textFailure`. */
  readonly textFailure?: TextFailure | undefined;
}

/** What a process reports to have used since its start. */
export interface ProcessUsage {
  readonly cpuMs: number;
  readonly rssBytes: number;
}

export interface ReadyMessage {
  readonly type: "ready";
  /** Everything it can run, built-in processors first. */
  readonly processors: readonly ProcessorInfo[];
  /** How the modules that it was started with loaded, in order. */
  readonly modules: readonly ModuleReport[];
  readonly usage: ProcessUsage;
}

/** The processors of a module, or why it cannot be used, to complete the sentence "expected …". */
export type ModuleReport =
  | { readonly processors: readonly ProcessorInfo[] }
  | { readonly expected: string };

export interface LogMessage {
  readonly type: "log";
  readonly level: "debug" | "info" | "warn" | "error";
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface ResultMessage {
  readonly type: "result";
  readonly output: Readonly<Record<string, unknown>>;
  /** Whether the data frames before it (possibly none) are the text. */
  readonly hasText: boolean;
  readonly usage: ProcessUsage;
}

export interface ErrorMessage {
  readonly type: "error";
  readonly code: ErrorCode;
  readonly detail: string;
  /** Its causes, without their messages. */
  readonly causes: readonly TracedError[];
  readonly usage: ProcessUsage;
}

export type ChildMessage = ReadyMessage | LogMessage | ResultMessage | ErrorMessage;

/** The other side violated the protocol, or stopped in the middle of a frame. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  /** Whether the stream ended, as opposed to invalid data. */
  readonly streamEnded: boolean;

  constructor(message: string, streamEnded = false) {
    super(message);
    this.streamEnded = streamEnded;
  }
}

/** Largest payload of a frame. Neither side buffers more than this. */
export const MAX_PAYLOAD_BYTES = 256 * 1024;

const HEADER_BYTES = 5;
const KINDS: readonly FrameKind[] = ["message", "data", "end"];
/** Not printable, so that a line printed by mistake is not taken for a frame. */
const FIRST_KIND = 0xf5;
/** The codes that a process may answer with. */
const CHILD_CODES: ReadonlySet<string> = new Set<ErrorCode>([
  "document_unreadable",
  "document_wrong_type",
  "document_truncated",
  "document_encrypted",
  "document_empty",
  "document_has_no_pages",
  "document_has_no_text",
  "document_too_complex",
  "processor_failed",
  "processor_missing",
]);

/** Smaller frames are sent in one piece: copying costs less than writing and reading twice. */
const ONE_PIECE_BYTES = 64 * 1024;

/** The bytes of one frame: one piece if it is small, otherwise head and payload without a copy. */
export function frameBytes(kind: FrameKind, payload: Uint8Array): readonly Uint8Array[] {
  if (payload.byteLength > MAX_PAYLOAD_BYTES) {
    throw new ProtocolError(`Cannot send frame: it exceeds ${MAX_PAYLOAD_BYTES} bytes`);
  }
  const head = new Uint8Array(HEADER_BYTES);
  head[0] = FIRST_KIND + KINDS.indexOf(kind);
  new DataView(head.buffer).setUint32(1, payload.byteLength);
  return payload.byteLength > ONE_PIECE_BYTES ? [head, payload] : [concatBytes([head, payload])];
}

export function encodeMessage(message: RunMessage | ChildMessage): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(message));
}

/** Cut `bytes` into payloads of frames. Zero bytes give none. */
export function* payloadsOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += MAX_PAYLOAD_BYTES) {
    yield bytes.subarray(at, at + MAX_PAYLOAD_BYTES);
  }
}

/**
 * Read the frames of a stream, however it is split into chunks.
 *
 * @throws {ProtocolError} At the first byte that cannot belong to a frame, or when the stream ends in one.
 */
export async function* readFrames(stream: ByteStream): AsyncGenerator<Frame> {
  const head = new Uint8Array(HEADER_BYTES);
  let headLength = 0;
  let frame: Frame | undefined;
  let filled = 0;
  for await (const chunk of stream) {
    let at = 0;
    while (at < chunk.byteLength) {
      if (frame === undefined) {
        const part = chunk.subarray(at, at + HEADER_BYTES - headLength);
        head.set(part, headLength);
        headLength += part.byteLength;
        at += part.byteLength;
        // Check the first byte alone: invalid data may be shorter than a frame head.
        const kind = parseKind(head[0]);
        if (headLength < HEADER_BYTES) continue;
        frame = { kind, payload: new Uint8Array(parseLength(head)) };
      }
      const part = chunk.subarray(at, at + frame.payload.byteLength - filled);
      frame.payload.set(part, filled);
      filled += part.byteLength;
      at += part.byteLength;
      if (filled < frame.payload.byteLength) continue;
      yield frame;
      frame = undefined;
      headLength = 0;
      filled = 0;
    }
  }
  if (headLength > 0) throw new ProtocolError("Cannot read frame: the stream ended", true);
}

function parseKind(byte: number | undefined): FrameKind {
  const kind = KINDS[(byte ?? 0) - FIRST_KIND];
  if (kind === undefined)
    throw new ProtocolError("Cannot read frame: it begins with no known kind");
  return kind;
}

function parseLength(head: Uint8Array): number {
  const length = new DataView(head.buffer).getUint32(1);
  if (length > MAX_PAYLOAD_BYTES) {
    throw new ProtocolError(`Cannot read frame: it claims ${length} bytes`);
  }
  return length;
}

/** Parse a message of an extraction process. It may be hostile, so nothing is trusted. */
export function parseChildMessage(payload: Uint8Array): ChildMessage {
  const message = parseJson(payload);
  switch (message["type"]) {
    case "ready":
      if (isInfos(message["processors"]) && isReports(message["modules"])) {
        return { ...message, usage: parseUsage(message["usage"]) } as unknown as ReadyMessage;
      }
      throw malformed();
    case "log":
      if (isLevel(message["level"]) && isText(message["event"]) && isRecord(message["fields"]))
        break;
      throw malformed();
    case "result":
      if (isRecord(message["output"]) && typeof message["hasText"] === "boolean") {
        return { ...message, usage: parseUsage(message["usage"]) } as unknown as ResultMessage;
      }
      throw malformed();
    case "error":
      if (
        CHILD_CODES.has(String(message["code"])) &&
        isText(message["detail"]) &&
        isTrace(message["causes"])
      ) {
        return { ...message, usage: parseUsage(message["usage"]) } as unknown as ErrorMessage;
      }
      throw malformed();
    default:
      throw malformed();
  }
  return message as unknown as ChildMessage;
}

function parseJson(payload: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
    if (isRecord(value)) return value;
  } catch {
    // Reported below like any other violation of the protocol.
  }
  throw malformed();
}

function parseUsage(value: unknown): ProcessUsage {
  if (!isRecord(value)) throw malformed();
  const { cpuMs, rssBytes } = value;
  if (typeof cpuMs !== "number" || typeof rssBytes !== "number") throw malformed();
  return { cpuMs, rssBytes };
}

function isInfos(value: unknown): value is readonly ProcessorInfo[] {
  const isInfo = (info: unknown) =>
    isRecord(info) && processorProblems(info as Record<keyof ProcessorInfo, unknown>).length === 0;
  return Array.isArray(value) && value.every(isInfo);
}

function isReports(value: unknown): value is readonly ModuleReport[] {
  const isReport = (report: unknown) =>
    isRecord(report) && (isText(report["expected"]) || isInfos(report["processors"]));
  return Array.isArray(value) && value.every(isReport);
}

function isLevel(value: unknown): value is LogMessage["level"] {
  return value === "debug" || value === "info" || value === "warn" || value === "error";
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function malformed(): ProtocolError {
  return new ProtocolError("Cannot read message: it is none of the protocol's");
}
