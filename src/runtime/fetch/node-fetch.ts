import type { Socket } from "node:net";
import type { buildConnector, Dispatcher } from "undici";
import { type OutgoingRequest, send } from "./exchange.ts";
import { type BodyInit, outgoingBody } from "./outgoing-body.ts";
import { failed, httpUrl, isRedirect, redirected } from "./redirect.ts";

/**
 * Connections to one origin; further requests wait. Each download under way holds one for as long as its
 * reader takes, so a low number would let a few slow readers stop everybody.
 */
const CONNECTIONS_PER_ORIGIN = 256;
const CONNECT_TIMEOUT_MS = 10_000;
/** A slow line moves something in this time; one that moves nothing leads to nobody, and another may. */
const WRITE_STALL_MS = 15_000;
/** As browsers do: https://fetch.spec.whatwg.org/#http-redirect-fetch */
const MAX_REDIRECTS = 20;

export interface NodeFetchOptions {
  /** At most so many connections to one origin. */
  readonly connectionsPerOrigin?: number;
  readonly connectTimeoutMs?: number;
  /** How long a request's body may be on its way without a byte being taken. */
  readonly writeStallMs?: number;
  /** Where `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` stand, in either case. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface NodeFetch {
  /**
   * `fetch` for programs that talk to services: it adds no headers of its own (no `accept-encoding`, so
   * bodies arrive as they are stored), keeps connections open between requests, and does not try again: a
   * connection that the server has just closed is an error that the caller may retry.
   *
   * A body of bytes is sent with its length and without a copy; a stream with a `content-length` must have
   * exactly that length. An answer's body is read, or cancelled, by the caller: until then it holds its
   * connection. Fifteen seconds in which a server takes nothing of a body are an error, as are five minutes of
   * silence; whoever is less patient brings a signal.
   *
   * @throws {TypeError} "fetch failed" where there is no answer; `cause` is why, with a `code`.
   * @throws The signal's reason, as soon as it is aborted; reading the body throws it likewise.
   */
  readonly fetch: typeof globalThis.fetch;
  /** End every connection and every request at once. */
  close(): Promise<void>;
}

/** A `fetch` with connections of its own. @see https://undici.nodejs.org */
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
        if (redirect === "error") throw failed("the answer is a redirect");
        if (hops === MAX_REDIRECTS) throw failed("there are too many redirects");
        request = redirected(request, response);
      }
    },
    async close() {
      // An agent forgets pools that have lost their connections, while they make new ones.
      stop.abort();
      await (await dispatcher)?.destroy();
    },
  };
}

async function createDispatcher(
  options: NodeFetchOptions,
  signal: AbortSignal,
): Promise<Dispatcher> {
  // Only now: it takes a tenth of a second and 28 MiB, which a server without a network need not spend.
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
    // A socket that is born with an aborted signal is never closed.
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
    ...{ connections, connect, proxyTls: ofSocket, httpProxy, httpsProxy },
    noProxy: env["no_proxy"] ?? env["NO_PROXY"] ?? "",
    // Many proxies let CONNECT through to port 443 only.
    proxyTunnel: false,
  });
}

/** Node's timer is put off by whatever moves, also in the middle of one long write. */
function endStalledWrites(socket: Socket, stallMs: number): void {
  socket.setTimeout(stallMs, () => {
    // All is sent: for how long to wait for the answer is for others to say.
    if (socket.writableLength === 0) return;
    const error = new Error("Cannot send request: the server takes no more of its body");
    socket.destroy(Object.assign(error, { code: "ERR_WRITE_STALLED" }));
  });
}

/** @throws {TypeError} For what cannot be sent at all. */
function toRequest(input: string | URL | Request, init: RequestInit = {}): OutgoingRequest {
  if (input instanceof Request || isComposed(init.body)) {
    // Rare enough to let the platform take it apart.
    const { url, method, headers, body, signal } = new Request(input, { ...init, duplex: "half" });
    return toRequest(url, { method, headers, body, signal });
  }
  const url = httpUrl(input);
  const headers = headerList(init.headers);
  const method = (init.method ?? "GET").toUpperCase();
  return {
    ...{ url, method, headers, signal: init.signal ?? undefined },
    body: outgoingBody(init.body ?? null, headers),
  };
}

function isComposed(body: BodyInit | null | undefined): boolean {
  // The common kinds first: asking for the others is slow.
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
