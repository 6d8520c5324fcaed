import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { StowageError } from "../../domain/errors.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import { findRequestId } from "../../http/headers/request-id.ts";
import { problemResponse } from "../../http/problem.ts";
import { endSlowly } from "./request-queue.ts";

/** What is wrong with something that never became a request of the app. */
interface Refusal {
  readonly status: number;
  readonly title: string;
  readonly code: "invalid_request" | "request_timeout" | "method_not_allowed";
  readonly state: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const NO_HTTP: Refusal = {
  ...{ status: 400, title: "Bad Request", code: "invalid_request" },
  state: "it is no valid HTTP",
};

const HEADERS_TOO_LONG: Refusal = {
  ...{ status: 431, title: "Request Header Fields Too Large", code: "invalid_request" },
  state: "its headers are too long",
};

const TARGET_TOO_LONG: Refusal = {
  ...{ status: 414, title: "URI Too Long", code: "invalid_request" },
  state: "its target is too long",
};

const TOO_SLOW: Refusal = {
  ...{ status: 408, title: "Request Timeout", code: "request_timeout" },
  state: "its headers did not arrive in time",
};

const UNKNOWN_EXPECTATION: Refusal = {
  ...{ status: 417, title: "Expectation Failed", code: "invalid_request" },
  state: "it expects something other than 100-continue",
};

/** No proxy is made of us (RFC 9110, 9.3.6). */
const TUNNEL: Refusal = {
  ...{ status: 405, title: "Method Not Allowed", code: "method_not_allowed" },
  state: "it asks for a tunnel",
  headers: { Allow: "" },
};

/**
 * What in the head of a request somebody in front of us may have read differently: Node takes it, but two
 * readers who disagree on where a request ends or whom it is for let one be smuggled past the first.
 *
 * @returns The state found, or `null` if there is nothing.
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-6.1
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-11.2
 */
export function findAmbiguity(request: IncomingMessage): string | null {
  const { httpVersion, headers, headersDistinct } = request;
  if (httpVersion !== "1.1" && httpVersion !== "1.0") return "its version of HTTP is another";
  if ((headersDistinct["host"]?.length ?? 0) > 1) return "it has more than one Host";
  // RFC 9112, 3.2. Health checks of load balancers send HTTP/1.0 without one.
  if (httpVersion === "1.1" && !headers.host) return "it has no Host";
  // `9999999999` is one by its letters, and no address: every later look at the URL would throw.
  if (headers.host && !URL.canParse(`http://${headers.host}/`)) return "its Host is not one";
  const coding = headers["transfer-encoding"];
  if (coding === undefined) return null;
  if (httpVersion === "1.0") return "HTTP/1.0 knows no Transfer-Encoding";
  return /^chunked$/i.test(coding) ? null : "its Transfer-Encoding is not chunked alone";
}

/** Node's parser reads no further than a method that it does not know: which path was meant stays unknown. */
const UNKNOWN_METHOD: Refusal = {
  ...{ status: 405, title: "Method Not Allowed", code: "method_not_allowed" },
  state: "nothing here knows its method",
  headers: { Allow: "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT" },
};

/** An error of Node's parser. */
export type ParserError = NodeJS.ErrnoException & {
  readonly rawPacket?: Buffer;
  /** Where in `rawPacket` it stopped. */
  readonly bytesParsed?: number;
};

/** The answers to what never reaches the app, in the form that every error here has. The log has a line of each. */
export class Refusals {
  readonly #headers: Readonly<Record<string, string>>;
  readonly #logger: Logger;

  /**
   * @param shared Whether any page may read them, as it should where pages may call at all: its origin may
   *   be what could not be read, and a refusal says nothing that is anybody's.
   */
  constructor(shared: boolean, logger: Logger) {
    this.#logger = logger;
    this.#headers = shared ? { "Access-Control-Allow-Origin": "*" } : {};
  }

  /**
   * For a request that cannot, or must not, be looked at any further.
   *
   * @param incoming Its head, where it is known.
   */
  unreadable(state: string, incoming: IncomingMessage | null, cause?: unknown): Response {
    const message = `Cannot read request: ${state}`;
    const error = new StowageError("invalid_request", message, { cause });
    const requestId = this.#note({ ...NO_HTTP, state }, incoming);
    const response = problemResponse(error, requestId);
    for (const [name, value] of Object.entries({ ...this.#headers, "X-Request-Id": requestId })) {
      response.headers.set(name, value);
    }
    return response;
  }

  /** For what is not HTTP, where the requests before it are answered. */
  readonly parsing = (error: ParserError, socket: Duplex): void =>
    this.#end(socket, refusalOf(error), null);

  /** Node would answer without a word. The body was never asked for, so the connection ends. */
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

  /** Tell the log. @returns The id under which it stands there: the caller's, if it sent a sane one. */
  #note({ status, code, state }: Refusal, incoming: IncomingMessage | null): string {
    const requestId = findRequestId(incoming?.headers["x-request-id"]) ?? randomUUID();
    // Nothing of what was sent: any of it may be a secret, or a line of somebody else's log.
    this.#logger.info("request.refused", { status, code, state, requestId });
    return requestId;
  }

  #render(refusal: Refusal, incoming: IncomingMessage | null) {
    const { status, title, code, state, headers } = refusal;
    const requestId = this.#note(refusal, incoming);
    const body = JSON.stringify({
      ...{ type: "about:blank", title, status, detail: `Cannot read request: ${state}` },
      ...{ code, request_id: requestId },
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

/** As RFC 9112, 3 has it, but for the version. */
const REQUEST_LINE = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ [/*]\S* HTTP\/1\.[01]\r\n/;

function refusalOf({ code, rawPacket, bytesParsed = 0 }: ParserError): Refusal {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return TOO_SLOW;
  const start = rawPacket?.toString("latin1", 0, 10_000) ?? "";
  if (code === "HPE_INVALID_METHOD") {
    // Other requests may have come before it in the same packet.
    const line = start.slice(start.lastIndexOf("\n", bytesParsed - 1) + 1);
    return REQUEST_LINE.test(line) ? UNKNOWN_METHOD : NO_HTTP;
  }
  if (code !== "HPE_HEADER_OVERFLOW") return NO_HTTP;
  // The parser counts both together; the first line is all there is if nothing has ended it.
  const isFirstLine = /^[A-Z]+ \S{8000}/.test(start);
  return isFirstLine ? TARGET_TOO_LONG : HEADERS_TOO_LONG;
}
