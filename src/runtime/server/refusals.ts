import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { StowageError } from "../../domain/errors.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import { findRequestId } from "../../http/headers/request-id.ts";
import { problemResponse } from "../../http/problem.ts";
import { endSlowly } from "./request-queue.ts";

/** Why a request was refused before it reached the app. */
interface Refusal {
  readonly status: number;
  readonly title: string;
  readonly code: "invalid_request" | "request_timeout" | "method_not_allowed";
  readonly state: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const INVALID_HTTP: Refusal = {
  status: 400,
  title: "Bad Request",
  code: "invalid_request",
  state: "it is not valid HTTP",
};

const HEADERS_TOO_LONG: Refusal = {
  status: 431,
  title: "Request Header Fields Too Large",
  code: "invalid_request",
  state: "its headers are too long",
};

const TARGET_TOO_LONG: Refusal = {
  status: 414,
  title: "URI Too Long",
  code: "invalid_request",
  state: "its target is too long",
};

const TOO_SLOW: Refusal = {
  status: 408,
  title: "Request Timeout",
  code: "request_timeout",
  state: "its headers did not arrive in time",
};

const UNKNOWN_EXPECTATION: Refusal = {
  status: 417,
  title: "Expectation Failed",
  code: "invalid_request",
  state: "it expects something other than 100-continue",
};

/** Stowage is not a proxy (RFC 9110, 9.3.6). */
const TUNNEL: Refusal = {
  status: 405,
  title: "Method Not Allowed",
  code: "method_not_allowed",
  state: "it asks for a tunnel",
  headers: { Allow: "" },
};

/**
 * Find what a proxy in front of Stowage may have read differently in the head of a request. Node accepts these, but
 * if two servers disagree on where a request ends, or on its host, an attacker can smuggle one past the first.
 *
 * @returns The ambiguity, or `null` if there is none.
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-6.1
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-11.2
 */
export function findAmbiguity(request: IncomingMessage): string | null {
  const { httpVersion, headers, headersDistinct } = request;
  if (httpVersion !== "1.1" && httpVersion !== "1.0") return "its HTTP version is not 1.0 or 1.1";
  if ((headersDistinct["host"]?.length ?? 0) > 1) return "it has more than one Host header";
  // RFC 9112, 3.2. Health checks of load balancers send HTTP/1.0 without a Host.
  if (httpVersion === "1.1" && !headers.host) return "it has no Host header";
  // `9999999999` has a valid form but is not an address: every later use of the URL would throw.
  if (headers.host && !URL.canParse(`http://${headers.host}/`)) return "its Host header is invalid";
  const coding = headers["transfer-encoding"];
  if (coding === undefined) return null;
  if (httpVersion === "1.0") return "HTTP/1.0 does not support Transfer-Encoding";
  return /^chunked$/i.test(coding) ? null : "its Transfer-Encoding is not just chunked";
}

/** Node's parser stops at a method that it does not know, so the path is unknown. */
const UNKNOWN_METHOD: Refusal = {
  status: 405,
  title: "Method Not Allowed",
  code: "method_not_allowed",
  state: "its method is unknown",
  headers: { Allow: "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT" },
};

/** An error of Node's parser. */
export type ParserError = NodeJS.ErrnoException & {
  readonly rawPacket?: Buffer;
  /** Where in `rawPacket` the parser stopped. */
  readonly bytesParsed?: number;
};

/** Answers requests that never reach the app, in the format of every other error, and logs each. */
export class Refusals {
  readonly #headers: Readonly<Record<string, string>>;
  readonly #logger: Logger;

  /**
   * @param shared Whether any web page may read the refusals. Set it if some origins may call: the origin may be what
   *   could not be read, and a refusal contains nothing private.
   */
  constructor(shared: boolean, logger: Logger) {
    this.#logger = logger;
    this.#headers = shared ? { "Access-Control-Allow-Origin": "*" } : {};
  }

  /**
   * For a request that cannot, or must not, be read any further.
   *
   * @param incoming Its head, if known.
   */
  unreadable(state: string, incoming: IncomingMessage | null, cause?: unknown): Response {
    const message = `Cannot read request: ${state}`;
    const error = new StowageError("invalid_request", message, { cause });
    const requestId = this.#note({ ...INVALID_HTTP, state }, incoming);
    const response = problemResponse(error, requestId);
    for (const [name, value] of Object.entries({ ...this.#headers, "X-Request-Id": requestId })) {
      response.headers.set(name, value);
    }
    return response;
  }

  /** For input that is not HTTP, once the requests before it are answered. */
  readonly parsing = (error: ParserError, socket: Duplex): void =>
    this.#end(socket, refusalOf(error), null);

  /** Node would send an empty response. The body was never requested, so the connection ends. */
  readonly expectation = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const { headers, body } = this.#render(UNKNOWN_EXPECTATION, incoming);
    outgoing.writeHead(UNKNOWN_EXPECTATION.status, headers).end(body);
  };

  /** Node would just close the connection. */
  readonly tunnel = (incoming: IncomingMessage, socket: Duplex): void =>
    this.#end(socket, TUNNEL, incoming);

  #end(socket: Duplex, refusal: Refusal, incoming: IncomingMessage | null): void {
    const { headers, body } = this.#render(refusal, incoming);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    endSlowly(
      socket,
      `HTTP/1.1 ${refusal.status} ${refusal.title}\r\n${lines.join("")}\r\n${body}`,
    );
  }

  /** Log the refusal. @returns Its request id: the caller's, if it sent a valid one. */
  #note({ status, code, state }: Refusal, incoming: IncomingMessage | null): string {
    const requestId = findRequestId(incoming?.headers["x-request-id"]) ?? randomUUID();
    // Log nothing that the caller sent: it may be a secret, or forge a line of the log.
    this.#logger.info("request.refused", { status, code, state, requestId });
    return requestId;
  }

  #render(refusal: Refusal, incoming: IncomingMessage | null) {
    const { status, title, code, state, headers } = refusal;
    const requestId = this.#note(refusal, incoming);
    const body = JSON.stringify({
      type: "about:blank",
      title,
      status,
      detail: `Cannot read request: ${state}`,
      code,
      request_id: requestId,
    });
    return {
      body,
      headers: {
        Connection: "close",
        "Content-Type": "application/problem+json",
        "Content-Length": String(Buffer.byteLength(body)),
        "X-Request-Id": requestId,
        ...this.#headers,
        ...headers,
      },
    };
  }
}

/** RFC 9112, 3, but only for versions 1.0 and 1.1. */
const REQUEST_LINE = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ [/*]\S* HTTP\/1\.[01]\r\n/;

function refusalOf({ code, rawPacket, bytesParsed = 0 }: ParserError): Refusal {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return TOO_SLOW;
  const start = rawPacket?.toString("latin1", 0, 10_000) ?? "";
  if (code === "HPE_INVALID_METHOD") {
    // The packet may contain other requests before this one.
    const line = start.slice(start.lastIndexOf("\n", bytesParsed - 1) + 1);
    return REQUEST_LINE.test(line) ? UNKNOWN_METHOD : INVALID_HTTP;
  }
  if (code !== "HPE_HEADER_OVERFLOW") return INVALID_HTTP;
  // The parser counts target and headers together. Without an end of line, the target is too long.
  const isFirstLine = /^[A-Z]+ \S{8000}/.test(start);
  return isFirstLine ? TARGET_TOO_LONG : HEADERS_TOO_LONG;
}
