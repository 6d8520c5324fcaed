import { Buffer } from "node:buffer";
import { KEYS } from "../../support/abused-server.ts";

export type Bytes = string | Uint8Array;

/** How one answer has to look. */
export interface Expected {
  readonly status: number;
  /** The problem's code, where it is one. */
  readonly code?: string;
}

/** One thing that someone may send, and what has to become of it. */
export interface Case {
  readonly name: string;
  /**
   * Piece by piece; an expression waits until something like it has been answered. `{mine}` and `{theirs}` in
   * text are the ids of uploads of acme and of another tenant.
   */
  readonly send: readonly (Bytes | RegExp)[];
  /** One for each answer, in their order. */
  readonly expect: readonly Expected[];
  /** Something that the first answer holds, head or body. */
  readonly holds?: RegExp;
  /** The bytes that a 201 has stored. */
  readonly stored?: Bytes;
  /** What the sender does in the end: wait for the server to close, close its own side, at once or after the
   * answer, or just go. */
  readonly goodbye: "wait" | "answered" | "end" | "reset";
}

export type Options = Partial<Pick<Case, "holds" | "stored" | "goodbye">> & {
  /** What the answers after the first one are. */
  readonly more?: readonly Expected[];
};

/** A row of a table: what it is called, what is sent, and the status and code of the answer. */
export type Row = readonly [
  name: string,
  send: Bytes | readonly (Bytes | RegExp)[],
  status: number,
  code?: string | null,
  options?: Options,
];

/** Rows as cases. A status of 0 expects no answer: the connection is just closed. */
export function cases(topic: string, rows: readonly Row[]): readonly Case[] {
  return rows.map(([name, send, status, code, { more = [], ...options } = {}]) => ({
    name: `${topic}: ${name}`,
    send: typeof send === "string" || send instanceof Uint8Array ? [send] : send,
    expect: status === 0 ? [] : [{ status, ...(code ? { code } : {}) }, ...more],
    goodbye: "wait",
    ...options,
  }));
}

type HeaderValue = string | number | readonly string[] | null;

/** Headers by name: a list sends several of one name, `null` leaves one out that is usual. */
export type Headers = Readonly<Record<string, HeaderValue>>;

/**
 * A request of acme, whole and well formed but for what `headers` says.
 *
 * @param line Method and target; HTTP/1.1 unless it says otherwise.
 */
export function request(line: string, headers: Headers = {}, body: Bytes | null = null): Bytes[] {
  const framed = body === null || "Transfer-Encoding" in headers;
  const all: Headers = {
    Host: "stowage.test",
    Authorization: `Bearer ${KEYS.acme}`,
    Connection: "close",
    ...(framed ? {} : { "Content-Length": Buffer.byteLength(body) }),
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) =>
    value === null ? [] : [value].flat().map((one) => `${name}: ${one}\r\n`),
  );
  const version = / HTTP\/\d/.test(line) ? "" : " HTTP/1.1";
  const head = `${line}${version}\r\n${lines.join("")}\r\n`;
  return body === null || body.length === 0 ? [head] : [head, body];
}

/** A body in chunks as they should be. */
export function chunked(...pieces: readonly string[]): string {
  const chunks = pieces.map((piece) => `${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`);
  return `${chunks.join("")}0\r\n\r\n`;
}
