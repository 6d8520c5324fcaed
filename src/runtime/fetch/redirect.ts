import { fetchFailed, type OutgoingRequest } from "./exchange.ts";
import { wholeBody } from "./outgoing-body.ts";

const STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Headers that must not be sent to another origin. */
const SECRET = /^(authorization|cookie|host|proxy-authorization)$/i;
/** Headers that describe a body. */
const ABOUT_BODY = /^content-(encoding|language|length|location|type)$/i;

/** The error for a request that cannot be sent or redirected. */
export function failed(reason: string): TypeError {
  return fetchFailed(new Error(`Cannot send request: ${reason}`));
}

/** @throws {TypeError} If `url` cannot be fetched. */
export function httpUrl(url: string | URL, base?: URL): URL {
  const parsed = new URL(url, base);
  const { protocol, username, password } = parsed;
  if (protocol !== "http:" && protocol !== "https:") throw failed("its URL is not http or https");
  if (username !== "" || password !== "") throw failed("its URL contains credentials");
  return parsed;
}

/** Whether a response is a redirect. */
export function isRedirect({ status, headers }: Response): boolean {
  return STATUSES.has(status) && headers.has("location");
}

/**
 * The request that a redirect asks for.
 *
 * @see https://fetch.spec.whatwg.org/#http-redirect-fetch
 * @throws {TypeError} If it cannot be sent: its URL is not http or https, or its body is a stream that was already sent.
 */
export function redirected(request: OutgoingRequest, response: Response): OutgoingRequest {
  const { status } = response;
  const { method } = request;
  const url = httpUrl(response.headers.get("location") ?? "", request.url);
  const becomesGet =
    status === 303 ? method !== "GET" && method !== "HEAD" : status < 303 && method === "POST";
  if (!becomesGet && !request.body.replayable) throw failed("a stream cannot be sent twice");
  const sameOrigin = url.origin === request.url.origin;
  const isKept = (name: string): boolean =>
    (sameOrigin || !SECRET.test(name)) && !(becomesGet && ABOUT_BODY.test(name));
  const headers: string[] = [];
  for (let index = 0; index < request.headers.length; index += 2) {
    const [name = "", value = ""] = request.headers.slice(index, index + 2);
    if (isKept(name)) headers.push(name, value);
  }
  return {
    url,
    headers,
    method: becomesGet ? "GET" : method,
    body: becomesGet ? wholeBody(null) : request.body,
    signal: request.signal,
  };
}
