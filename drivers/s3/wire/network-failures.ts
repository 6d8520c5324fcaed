import type { ErrorCode } from "../../../src/driver.ts";
import type { Addressing } from "./addressing.ts";
import type { Failure, Recovery } from "./failure.ts";

type ErrorMapping = readonly [
  pattern: RegExp,
  reason: string,
  recovery: Recovery,
  code?: ErrorCode,
];

const NO_HOST = "no such host; check the endpoint and DNS";

/**
 * Failures before a response: codes of libuv, OpenSSL, undici and Bun, and messages of Deno, which has no codes. The
 * first match counts.
 *
 * @see https://nodejs.org/api/errors.html#common-system-errors
 * @see https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/
 */
const ERROR_MAPPINGS: readonly ErrorMapping[] = [
  [/^(ENOTFOUND|EAI_NONAME|FailedToOpenSocket)$|dns error/, NO_HOST, "wait"],
  [/^EAI_/, "DNS does not respond", "wait"],
  [
    /^(ECONNREFUSED|ConnectionRefused)$|Connection refused/,
    "connection refused; check that the server runs, and the port",
    "wait",
  ],
  [/^(EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL)$/, "no route to the host; check the network", "wait"],
  [/^(ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/, "no connection in time", "wait", "storage_timeout"],
  [/^ERR_WRITE_STALLED$/, "it stopped accepting data", "wait", "storage_timeout"],
  [/^UND_ERR_(HEADERS|BODY)_TIMEOUT$/, "no response in time", "wait", "storage_timeout"],
  [
    /^(ERR_SSL_|EPROTO$)/,
    "the TLS handshake failed; check whether the endpoint is http:// or https://",
    "none",
    "storage_misconfigured",
  ],
  [/^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/, "its certificate has expired or is not valid yet", "none"],
  [
    /ALTNAME|HOSTNAME_MISMATCH/,
    "its certificate is for another host; check the endpoint, or set AWS_S3_FORCE_PATH_STYLE=true",
    "none",
    "storage_misconfigured",
  ],
  [
    /CERT|ISSUER|LEAF_SIGNATURE|certificate/,
    "its certificate is not trusted; add its authority to NODE_EXTRA_CA_CERTS",
    "none",
    "storage_misconfigured",
  ],
  [
    /^(HPE_|HTTPParserError|Malformed_HTTP)/,
    "the server does not speak HTTP; check scheme and port",
    "wait",
  ],
  [/^(EMFILE|ENFILE)$/, "this process has too many open files; raise its limit", "wait"],
  [
    /: bad port$|port \d+ are blocked/,
    "fetch blocks this port; use another",
    "none",
    "storage_misconfigured",
  ],
];
const BROKEN: ErrorMapping = [/^/, "the connection broke", "wait"];
/** `fetch failed` wraps the cause, which may wrap another. Also ends cycles. */
const MAX_CAUSES = 8;

/** Why a request got no response. */
export function networkFailure(
  error: unknown,
  { origin, region, hostIsFromRegion }: Pick<Addressing, "origin" | "region" | "hostIsFromRegion">,
): Failure {
  const root = findRoot(error);
  const words = root?.code ?? String(root);
  const [, usual, recovery, code] =
    ERROR_MAPPINGS.find(([pattern]) => pattern.test(words)) ?? BROKEN;
  const reason = usual === NO_HOST && hostIsFromRegion ? noHostIn(region) : usual;
  return {
    code: code ?? "storage_unavailable",
    reason: `${origin} cannot be reached: ${reason}${root?.code ? ` (${root.code})` : ""}`,
    recovery,
    s3Code: null,
    status: null,
    cause: withoutData(root),
  };
}

function noHostIn(region: string): string {
  return `no such host; the region "${region}" may be mistyped: check AWS_REGION, then DNS`;
}

/** The server did not respond in time. */
export function timeoutFailure(origin: string, what: string): Failure {
  return {
    code: "storage_timeout",
    reason: `${origin} ${what}`,
    recovery: "wait",
    s3Code: null,
    status: null,
  };
}

interface RootError extends Error {
  readonly code?: string;
  readonly syscall?: string;
}

/** The innermost error with a code, or else the innermost error. Of several attempts to connect, the first. */
function findRoot(error: unknown): RootError | null {
  let root: RootError | null = null;
  let current = error;
  for (let depth = 0; depth < MAX_CAUSES && current instanceof Error; depth += 1) {
    const coded = "code" in current && typeof current.code === "string";
    if (coded || root?.code === undefined) root = current;
    current = current instanceof AggregateError ? current.errors[0] : current.cause;
  }
  return root;
}

/** The failure without data, for the log: errors of fetch may contain response bytes and request headers. */
function withoutData(root: RootError | null): Error {
  const { code = null, syscall, name = "an unknown error" } = root ?? {};
  if (root === null || syscall === undefined) {
    return Object.assign(new Error(`fetch failed with ${code ?? name}`), { code });
  }
  return Object.assign(new Error(root.message), { code, syscall });
}
