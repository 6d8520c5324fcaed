import type { Socket } from "node:net";
import type { buildConnector, Dispatcher } from "undici";
import { type OutgoingRequest, send } from "./exchange.ts";
import { type BodyInit, outgoingBody } from "./outgoing-body.ts";
import { failed, httpUrl, isRedirect, redirected } from "./redirect.ts";

/**
 * Connections to one origin; further requests wait. Each download uses one for as long as its reader takes, so with a
 * low number a few slow readers would block all others.
 */
const CONNECTIONS_PER_ORIGIN = 256;
const CONNECT_TIMEOUT_MS = 10_000;
/** Even a slow line sends something in this time. If nothing moves, the connection is dead and another may work. */
const WRITE_STALL_MS = 15_000;
/** As browsers do: https://fetch.spec.whatwg.org/#http-redirect-fetch */
const MAX_REDIRECTS = 20;

export interface NodeFetchOptions {
  /** The most connections to one origin. */
  readonly connectionsPerOrigin?: number;
  readonly connectTimeoutMs?: number;
  /** How long a server may accept nothing of a request body. */
  readonly writeStallMs?: number;
  /** The environment with `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in upper or lower case. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface NodeFetch {
  /**
   * `fetch` for programs that call services. It adds no headers (no `accept-encoding`, so bodies arrive as they are
   * stored), keeps connections open between requests, and never retries: a connection that the server has just
   * closed is an error that you may retry.
   *
   * Bytes are sent with their length and without a copy. A stream with a `content-length` must have exactly that
   * length. Read or cancel the body of each response: until then it occupies its connection. It is an error if a
   * server accepts nothing of a body for fifteen seconds, or sends nothing for five minutes; pass a signal for
   * shorter limits.
   *
   * @throws {TypeError} "fetch failed" if there is no response; `cause` has the reason, with a `code`.
   * @throws The signal's reason as soon as it is aborted, also while you read the body.
   */
  readonly fetch: typeof globalThis.fetch;
  /** Close every connection and abort every request. */
  close(): Promise<void>;
}

/** A `fetch` with its own connections. @see https://undici.nodejs.org */
export function createNodeFetch(options: NodeFetchOptions = {}): NodeFetch {
  const stop = new AbortController();
  let dispatcher: Promise<Dispatcher> | null = null;
  return {
    async fetch(input, init) {
      const redirect = init?.redirect ?? (input instanceof Request ? input.redirect : "follow");
      let request = toRequest(input, init);
      dispatcher ??= createDispatcher(options, stop.signal);
      for (let hops = 0; ; hops += 1) {
        const response = await send(await dispatcher, request);
        if (redirect === "manual" || !isRedirect(response)) return response;
        await response.body?.cancel();
        if (redirect === "error") throw failed("the response is a redirect");
        if (hops === MAX_REDIRECTS) throw failed("there are too many redirects");
        request = redirected(request, response);
      }
    },
    async close() {
      // An agent forgets pools without connections even while they open new ones, so abort those too.
      stop.abort();
      await (await dispatcher)?.destroy();
    },
  };
}

async function createDispatcher(
  options: NodeFetchOptions,
  signal: AbortSignal,
): Promise<Dispatcher> {
  // Imported on first use: it takes 0.1 s and 28 MiB, which a server without remote storage does not need.
  const { Agent, buildConnector, EnvHttpProxyAgent, errors } = await import("undici");
  const {
    connectionsPerOrigin: connections = CONNECTIONS_PER_ORIGIN,
    connectTimeoutMs: timeout = CONNECT_TIMEOUT_MS,
    writeStallMs = WRITE_STALL_MS,
    env = process.env,
  } = options;
  const ofSocket = { timeout, signal };
  const connector = buildConnector(ofSocket);
  const connect: buildConnector.connector = (target, callback) => {
    // A socket created with an aborted signal is never closed.
    if (signal.aborted) callback(new errors.ClientDestroyedError(), null);
    else
      connector(target, (...outcome) => {
        if (outcome[0] === null) endStalledWrites(outcome[1], writeStallMs);
        callback(...outcome);
      });
  };
  const httpProxy = env["http_proxy"] ?? env["HTTP_PROXY"] ?? "";
  const httpsProxy = env["https_proxy"] ?? env["HTTPS_PROXY"] ?? "";
  if (httpProxy === "" && httpsProxy === "") return new Agent({ connections, connect });
  return new EnvHttpProxyAgent({
    connections,
    connect,
    proxyTls: ofSocket,
    httpProxy,
    httpsProxy,
    noProxy: env["no_proxy"] ?? env["NO_PROXY"] ?? "",
    // Many proxies allow CONNECT only to port 443.
    proxyTunnel: false,
  });
}

/** Any progress resets Node's timer, even in the middle of a long write. */
function endStalledWrites(socket: Socket, stallMs: number): void {
  socket.setTimeout(stallMs, () => {
    // Everything is sent: other limits apply to the response.
    if (socket.writableLength === 0) return;
    const error = new Error("Cannot send request: the server stopped accepting the body");
    socket.destroy(Object.assign(error, { code: "ERR_WRITE_STALLED" }));
  });
}

/** @throws {TypeError} If the request cannot be sent at all. */
function toRequest(input: string | URL | Request, init: RequestInit = {}): OutgoingRequest {
  if (input instanceof Request || isComposed(init.body)) {
    // Rare: let the platform convert it.
    const { url, method, headers, body, signal } = new Request(input, { ...init, duplex: "half" });
    return toRequest(url, { method, headers, body, signal });
  }
  const url = httpUrl(input);
  const headers = headerList(init.headers);
  const method = (init.method ?? "GET").toUpperCase();
  return {
    url,
    method,
    headers,
    signal: init.signal ?? undefined,
    body: outgoingBody(init.body ?? null, headers),
  };
}

function isComposed(body: BodyInit | null | undefined): boolean {
  // Check the common kinds first: the other checks are slow.
  if (typeof body !== "object" || body === null || ArrayBuffer.isView(body)) return false;
  return body instanceof FormData || body instanceof URLSearchParams || body instanceof Blob;
}

/** Names and values in turn. */
function headerList(headers: RequestInit["headers"]): string[] {
  if (headers === undefined) return [];
  const pairs = Symbol.iterator in headers ? headers : Object.entries(headers);
  const list: string[] = [];
  for (const [name, value] of pairs) list.push(name as string, value as string);
  return list;
}
