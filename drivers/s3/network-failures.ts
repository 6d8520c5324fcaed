import type { ErrorCode } from "../../src/driver.ts";
import type { Failure, Remedy } from "./failure.ts";

type Meaning = readonly [pattern: RegExp, found: string, remedy: Remedy, code?: ErrorCode];

/**
 * What goes wrong before an answer: names of libuv, OpenSSL, undici and Bun. The first that matches counts.
 *
 * @see https://nodejs.org/api/errors.html#common-system-errors
 * @see https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/
 */
const MEANINGS: readonly Meaning[] = [
  [
    /^(ENOTFOUND|EAI_NONAME|FailedToOpenSocket)$/,
    "no such host; check the endpoint and DNS",
    "wait",
  ],
  [/^EAI_/, "DNS does not answer", "wait"],
  [
    /^(ECONNREFUSED|ConnectionRefused)$/,
    "nothing listens there; check that it runs, and the port",
    "wait",
  ],
  [/^(EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL)$/, "no route leads there; check the network", "wait"],
  [/^(ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/, "no connection in time", "wait", "storage_timeout"],
  [/^UND_ERR_(HEADERS|BODY)_TIMEOUT$/, "no answer in time", "wait", "storage_timeout"],
  [
    /^(ERR_SSL_|EPROTO$)/,
    "it speaks no TLS that we speak; check whether the endpoint is http:// or https://",
    "none",
  ],
  [/^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/, "its certificate is out of date", "none"],
  [
    /ALTNAME|HOSTNAME_MISMATCH/,
    "its certificate is for another host; check the endpoint, or set pathStyle to true",
    "none",
  ],
  [
    /CERT|ISSUER|LEAF_SIGNATURE/,
    "its certificate is not trusted; add its authority to NODE_EXTRA_CA_CERTS",
    "none",
  ],
  [/^(HPE_|Malformed_HTTP)/, "what answers there speaks no HTTP; check scheme and port", "wait"],
  [
    /^(EMFILE|ENFILE)$/,
    "this process has too many open sockets and files; raise its limit",
    "wait",
  ],
];
const BROKEN: Meaning = [/^/, "the connection broke", "wait"];
/** `fetch failed` wraps what failed, which may wrap it once more; a cycle ends here. */
const MAX_CAUSES = 8;

/** Why a request had no answer. `origin` is where it went. */
export function networkFailure(error: unknown, origin: string): Failure {
  const root = findRoot(error);
  const name = root?.code ?? "";
  const [, found, remedy, code] = MEANINGS.find(([pattern]) => pattern.test(name)) ?? BROKEN;
  return {
    code: code ?? "storage_unavailable",
    found: `${origin} cannot be reached: ${found}${name === "" ? "" : ` (${name})`}`,
    remedy,
    s3Code: null,
    status: null,
    cause: withoutData(error, root),
  };
}

/** Nobody answered for so long. */
export function timeoutFailure(origin: string, what: string): Failure {
  return {
    code: "storage_timeout",
    found: `${origin} ${what}`,
    remedy: "wait",
    s3Code: null,
    status: null,
  };
}

interface CodedError extends Error {
  readonly code: string;
  readonly syscall?: string;
}

/** The innermost error with a code; of several tries to connect, the first. */
function findRoot(error: unknown): CodedError | null {
  let found: CodedError | null = null;
  let current = error;
  for (let depth = 0; depth < MAX_CAUSES && current instanceof Error; depth += 1) {
    if ("code" in current && typeof current.code === "string") found = current as CodedError;
    current = current instanceof AggregateError ? current.errors[0] : current.cause;
  }
  return found;
}

/** What failed, for the log: errors of fetch may hold bytes of the answer and headers of the request. */
function withoutData(error: unknown, root: CodedError | null): Error {
  if (root?.syscall !== undefined) {
    const { message, code, syscall } = root;
    return Object.assign(new Error(message), { code, syscall });
  }
  const name = error instanceof Error ? error.name : typeof error;
  return Object.assign(new Error(`fetch failed with ${root?.code ?? name}`), {
    code: root?.code ?? null,
  });
}
