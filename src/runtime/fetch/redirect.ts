import { fetchFailed, type OutgoingRequest } from "./exchange.ts";
import { wholeBody } from "./outgoing-body.ts";

const STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** What another origin must not learn. */
const SECRET = /^(authorization|cookie|host|proxy-authorization)$/i;
/** What goes with a body, and away with it. */
const ABOUT_BODY = /^content-(encoding|language|length|location|type)$/i;

/** Why a request cannot be sent, or not be sent on. */
export function failed(found: string): TypeError {
  return fetchFailed(new Error(`Cannot send request: ${found}`));
}

/** @throws {TypeError} If it is no URL that can be fetched. */
export function httpUrl(url: string | URL, base?: URL): URL {
  const parsed = new URL(url, base);
  const { protocol, username, password } = parsed;
  if (protocol !== "http:" && protocol !== "https:") throw failed("its URL is not http");
  if (username !== "" || password !== "") throw failed("its URL holds credentials");
  return parsed;
}

/** Whether an answer sends us elsewhere. */
export function isRedirect({ status, headers }: Response): boolean {
  return STATUSES.has(status) && headers.has("location");
}

/**
 * The request that a redirect asks for.
 *
 * @see https://fetch.spec.whatwg.org/#http-redirect-fetch
 * @throws {TypeError} If it cannot be sent: its URL is not http, its body has been sent already.
 */
export function redirected(request: OutgoingRequest, answer: Response): OutgoingRequest {
  const { status } = answer;
  const { method } = request;
  const url = httpUrl(answer.headers.get("location") ?? "", request.url);
  const becomesGet =
    status === 303 ? method !== "GET" && method !== "HEAD" : status < 303 && method === "POST";
  if (!becomesGet && !request.body.replayable) throw failed("a stream cannot be sent once more");
  const sameOrigin = url.origin === request.url.origin;
  const isKept = (name: string): boolean =>
    (sameOrigin || !SECRET.test(name)) && !(becomesGet && ABOUT_BODY.test(name));
  const headers: string[] = [];
  for (let index = 0; index < request.headers.length; index += 2) {
    const [name = "", value = ""] = request.headers.slice(index, index + 2);
    if (isKept(name)) headers.push(name, value);
  }
  return {
    ...{ url, headers, signal: request.signal },
    ...(becomesGet ? { method: "GET", body: wholeBody(null) } : { method, body: request.body }),
  };
}
