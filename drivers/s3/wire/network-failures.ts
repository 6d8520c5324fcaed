import type { ErrorCode } from "../../../src/driver.ts";
import type { Addressing } from "./addressing.ts";
import type { Failure, Recovery } from "./failure.ts";

interface ErrorMapping {
  readonly pattern: RegExp;
  readonly reason: string;
  readonly advice: string;
  readonly recovery: Recovery;
  /** Default: `storage_unavailable`. */
  readonly code?: ErrorCode;
}

const UNREACHABLE_ADVICE =
  "check AWS_ENDPOINT_URL_S3, firewall and proxy (HTTPS_PROXY, NO_PROXY), and try again";
const NO_HOST: ErrorMapping = {
  pattern: /^(ENOTFOUND|EAI_NONAME|FailedToOpenSocket)$|dns error/,
  reason: "no such host",
  advice:
    "correct AWS_ENDPOINT_URL_S3 or AWS_REGION; for a server without virtual-hosted buckets, set AWS_S3_FORCE_PATH_STYLE=true",
  recovery: "wait",
};

/**
 * Failures before a response: codes of libuv, OpenSSL, undici and Bun, and messages of Deno, which has no codes. The
 * first match counts.
 *
 * @see https://nodejs.org/api/errors.html#common-system-errors
 * @see https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/
 */
const ERROR_MAPPINGS: readonly ErrorMapping[] = [
  NO_HOST,
  {
    pattern: /^EAI_/,
    reason: "DNS does not respond",
    advice: "check the name servers of this machine, and AWS_ENDPOINT_URL_S3",
    recovery: "wait",
  },
  {
    pattern: /^(ECONNREFUSED|ConnectionRefused)$|Connection refused/,
    reason: "connection refused",
    advice: "start the server, or correct host and port of AWS_ENDPOINT_URL_S3",
    recovery: "wait",
  },
  {
    pattern: /^(EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL)$/,
    reason: "no route to the host",
    advice: "check the network of this machine",
    recovery: "wait",
  },
  {
    pattern: /^(ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/,
    reason: "no connection in time",
    advice: UNREACHABLE_ADVICE,
    recovery: "wait",
    code: "storage_timeout",
  },
  {
    pattern: /^ERR_WRITE_STALLED$/,
    reason: "it stopped accepting data",
    advice: UNREACHABLE_ADVICE,
    recovery: "wait",
    code: "storage_timeout",
  },
  {
    pattern: /^UND_ERR_(HEADERS|BODY)_TIMEOUT$/,
    reason: "no response in time",
    advice: UNREACHABLE_ADVICE,
    recovery: "wait",
    code: "storage_timeout",
  },
  {
    pattern: /^(ERR_SSL_|EPROTO$)/,
    reason: "the TLS handshake failed",
    advice: "change http:// to https:// in AWS_ENDPOINT_URL_S3, or the other way round",
    recovery: "none",
    code: "storage_misconfigured",
  },
  {
    pattern: /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/,
    reason: "its certificate has expired or is not valid yet",
    advice: "renew the certificate of the server, or set the clock of this machine",
    recovery: "none",
  },
  {
    pattern: /ALTNAME|HOSTNAME_MISMATCH/,
    reason: "its certificate is for another host",
    advice: "correct AWS_ENDPOINT_URL_S3, or set AWS_S3_FORCE_PATH_STYLE=true",
    recovery: "none",
    code: "storage_misconfigured",
  },
  {
    pattern: /CERT|ISSUER|LEAF_SIGNATURE|certificate/,
    reason: "its certificate is not trusted",
    advice: "set NODE_EXTRA_CA_CERTS to the file of its certificate authority",
    recovery: "none",
    code: "storage_misconfigured",
  },
  {
    pattern: /^(HPE_|HTTPParserError|Malformed_HTTP)/,
    reason: "the server does not speak HTTP",
    advice: "check scheme and port of AWS_ENDPOINT_URL_S3",
    recovery: "wait",
  },
  {
    pattern: /^(EMFILE|ENFILE)$/,
    reason: "this process has too many open files",
    advice: "raise its limit (ulimit -n, or LimitNOFILE of systemd)",
    recovery: "wait",
  },
  {
    pattern: /: bad port$|port \d+ are blocked/,
    reason: "fetch blocks this port",
    advice: "serve S3 on another port",
    recovery: "none",
    code: "storage_misconfigured",
  },
];
const BROKEN: ErrorMapping = {
  pattern: /^/,
  reason: "the connection broke",
  advice: UNREACHABLE_ADVICE,
  recovery: "wait",
};

/** What docs/s3.md and docs/troubleshooting.md explain, in their order. */
export const NETWORK_EXPLANATIONS: readonly { readonly reason: string; readonly advice: string }[] =
  [...ERROR_MAPPINGS, BROKEN];

/** `fetch failed` wraps the cause, which may wrap another. Also ends cycles. */
const MAX_CAUSES = 8;

/** Why a request got no response. */
export function networkFailure(
  error: unknown,
  { origin, region, hostIsFromRegion }: Pick<Addressing, "origin" | "region" | "hostIsFromRegion">,
): Failure {
  const root = findRoot(error);
  const words = root?.code ?? String(root);
  const mapping = ERROR_MAPPINGS.find(({ pattern }) => pattern.test(words)) ?? BROKEN;
  const { code = "storage_unavailable", recovery } = mapping;
  const { reason, advice } = mapping === NO_HOST && hostIsFromRegion ? noHostIn(region) : mapping;
  return {
    code,
    reason: `${origin} cannot be reached: ${reason}${root?.code ? ` (${root.code})` : ""}`,
    advice,
    recovery,
    s3Code: null,
    status: null,
    cause: withoutData(root),
  };
}

function noHostIn(region: string): Pick<ErrorMapping, "reason" | "advice"> {
  return {
    reason: `no such host; the region "${region}" may be mistyped`,
    advice: "check AWS_REGION, then DNS",
  };
}

/** The server did not respond in time. */
export function timeoutFailure(origin: string, what: string): Failure {
  return {
    code: "storage_timeout",
    reason: `${origin} ${what}`,
    advice: UNREACHABLE_ADVICE,
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
