import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { S3Error } from "./errors.ts";
import { encodeStrictly, type Target } from "./target.ts";

const ALGORITHM = "AWS4-HMAC-SHA256";
const MAX_SKEW_MS = 15 * 60_000;
const MAX_EXPIRES_SECONDS = 7 * 86_400;

/** A key pair that the service knows. */
export interface KnownKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** Milliseconds since 1970, by the service's clock. */
  readonly expiresAt?: number;
}

export interface SignedRequest extends Target {
  readonly method: string;
  /** Lower-case names; values as the bytes on the wire, read as Latin-1; repeated ones joined by commas. */
  readonly headers: ReadonlyMap<string, string>;
}

export interface Verifier {
  readonly keys: ReadonlyMap<string, KnownKey>;
  readonly region: string;
  readonly now: number;
  /** Called when a request was signed for another region. */
  readonly wrongRegion: () => S3Error;
}

/** What a signature says about itself. */
interface Claim {
  readonly credential: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly amzDate: string;
  readonly expiresSeconds: number | undefined;
  readonly token: string | undefined;
  readonly payloadHash: string;
}

/** `YYYYMMDDTHHMMSSZ` to milliseconds; NaN for anything else. */
function parseAmzDate(text: string): number {
  const m = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  return m ? Date.parse(`${m[1]}-${m[2]}-${m[3]}T${m[4]}:${m[5]}:${m[6]}Z`) : Number.NaN;
}

function claimOfHeader(request: SignedRequest, authorization: string): Claim {
  const m =
    /^AWS4-HMAC-SHA256 +Credential=([^,\s]+), *SignedHeaders=([^,\s]+), *Signature=([0-9a-f]{64})$/.exec(
      authorization,
    );
  if (!m) {
    throw new S3Error(
      "AuthorizationHeaderMalformed",
      "The authorization header that you provided is not valid",
    );
  }
  const payloadHash = request.headers.get("x-amz-content-sha256");
  if (payloadHash === undefined) {
    throw new S3Error("InvalidRequest", "Missing required header: x-amz-content-sha256");
  }
  return {
    credential: m[1] ?? "",
    signedHeaders: (m[2] ?? "").split(";"),
    signature: m[3] ?? "",
    amzDate: request.headers.get("x-amz-date") ?? "",
    expiresSeconds: undefined,
    token: request.headers.get("x-amz-security-token"),
    payloadHash,
  };
}

function claimOfQuery(query: ReadonlyMap<string, string>): Claim {
  const get = (name: string) => {
    const value = query.get(name);
    if (value !== undefined) return value;
    throw new S3Error("AuthorizationQueryParametersError", `Query-string auth requires ${name}`);
  };
  const expiresSeconds = Number(get("X-Amz-Expires"));
  const whole = Number.isInteger(expiresSeconds) && expiresSeconds >= 1;
  if (get("X-Amz-Algorithm") !== ALGORITHM || !whole || expiresSeconds > MAX_EXPIRES_SECONDS) {
    throw new S3Error("AuthorizationQueryParametersError", "X-Amz-Algorithm or -Expires is wrong");
  }
  return {
    credential: get("X-Amz-Credential"),
    signedHeaders: get("X-Amz-SignedHeaders").split(";"),
    signature: get("X-Amz-Signature"),
    amzDate: get("X-Amz-Date"),
    expiresSeconds,
    token: query.get("X-Amz-Security-Token"),
    payloadHash: query.get("X-Amz-Content-Sha256") ?? "UNSIGNED-PAYLOAD",
  };
}

function claimOf(request: SignedRequest): Claim {
  const authorization = request.headers.get("authorization");
  const query = new Map(request.query);
  const inQuery = query.has("X-Amz-Signature");
  if (authorization !== undefined && inQuery) {
    throw new S3Error("InvalidArgument", "Only one auth mechanism allowed");
  }
  if (authorization !== undefined) return claimOfHeader(request, authorization);
  if (inQuery) return claimOfQuery(query);
  throw new S3Error("AccessDenied", "Access Denied");
}

function findKey(claim: Claim, id: string, verifier: Verifier): KnownKey {
  const key = verifier.keys.get(id);
  if (!key || (key.sessionToken !== undefined && claim.token === undefined)) {
    throw new S3Error(
      "InvalidAccessKeyId",
      "The AWS Access Key Id you provided does not exist in our records",
      { AWSAccessKeyId: id },
    );
  }
  if (claim.token !== key.sessionToken) {
    throw new S3Error("InvalidToken", "The provided token is malformed or otherwise invalid");
  }
  if (key.expiresAt !== undefined && verifier.now >= key.expiresAt) {
    throw new S3Error("ExpiredToken", "The provided token has expired");
  }
  return key;
}

function checkTime(claim: Claim, now: number): void {
  const signedAt = parseAmzDate(claim.amzDate);
  if (Number.isNaN(signedAt)) {
    throw new S3Error("AccessDenied", "AWS authentication requires a valid x-amz-date");
  }
  const expired =
    claim.expiresSeconds !== undefined && now >= signedAt + claim.expiresSeconds * 1000;
  if (expired) throw new S3Error("AccessDenied", "Request has expired");
  const skewed =
    claim.expiresSeconds === undefined
      ? Math.abs(now - signedAt) > MAX_SKEW_MS
      : signedAt - now > MAX_SKEW_MS;
  if (skewed) {
    throw new S3Error(
      "RequestTimeTooSkewed",
      "The difference between the request time and the current time is too large",
      {
        RequestTime: claim.amzDate,
        ServerTime: new Date(now).toISOString(),
        MaxAllowedSkewMilliseconds: String(MAX_SKEW_MS),
      },
    );
  }
}

function checkSignedHeaders(request: SignedRequest, claim: Claim): void {
  const signed = new Set(claim.signedHeaders);
  const unsigned = [...request.headers.keys()].filter(
    (name) => (name === "host" || name.startsWith("x-amz-")) && !signed.has(name),
  );
  const absent = claim.signedHeaders.filter((name) => !request.headers.has(name));
  const ordered = claim.signedHeaders.every((name, i, all) => i === 0 || (all[i - 1] ?? "") < name);
  if (unsigned.length > 0 || absent.length > 0 || !ordered) {
    throw new S3Error(
      "AccessDenied",
      "There were headers present in the request which were not signed, or signed ones absent",
      { HeadersNotSigned: unsigned.join(", "), HeadersAbsent: absent.join(", ") },
    );
  }
}

function canonicalRequest(request: SignedRequest, claim: Claim): string {
  const pairs = request.query
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => [encodeStrictly(name), encodeStrictly(value)] as const)
    .sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0));
  const headers = claim.signedHeaders.map((name) => {
    const value = request.headers.get(name) ?? "";
    return `${name}:${value.trim().replace(/ +/g, " ")}\n`;
  });
  return [
    request.method,
    request.path.split("/").map(encodeStrictly).join("/"),
    pairs.map(([name, value]) => `${name}=${value}`).join("&"),
    headers.join(""),
    claim.signedHeaders.join(";"),
    claim.payloadHash,
  ].join("\n");
}

/**
 * Check who sent a request, and that it is the one that was signed.
 *
 * @returns The payload hash that was signed: 64 hexadecimal digits, or one of S3's words.
 * @throws {S3Error} As S3 would refuse it.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
 */
export function verifySignature(
  request: SignedRequest,
  verifier: Verifier,
): { readonly payloadHash: string; readonly presigned: boolean } {
  const claim = claimOf(request);
  const [id = "", day, region, service, terminator, ...more] = claim.credential.split("/");
  if (service !== "s3" || terminator !== "aws4_request" || more.length > 0) {
    throw new S3Error("AuthorizationHeaderMalformed", "The credential scope is not S3's");
  }
  const key = findKey(claim, id, verifier);
  if (region !== verifier.region) throw verifier.wrongRegion();
  checkTime(claim, verifier.now);
  if (day !== claim.amzDate.slice(0, 8)) {
    throw new S3Error("AuthorizationHeaderMalformed", "The credential scope has another date");
  }
  checkSignedHeaders(request, claim);
  const canonical = canonicalRequest(request, claim);
  // Header values are Latin-1 readings of bytes; all else in it is ASCII.
  const digest = createHash("sha256").update(canonical, "latin1").digest("hex");
  const scope = `${day}/${region}/${service}/${terminator}`;
  const stringToSign = [ALGORITHM, claim.amzDate, scope, digest].join("\n");
  const hmac = (secret: string | Buffer, text: string) =>
    createHmac("sha256", secret).update(text).digest();
  const signingKey = [day, region, service, terminator].reduce<string | Buffer>(
    (secret, step) => hmac(secret, step),
    `AWS4${key.secretAccessKey}`,
  );
  const expected = hmac(signingKey, stringToSign);
  const given = Buffer.from(claim.signature, "hex");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new S3Error(
      "SignatureDoesNotMatch",
      "The request signature we calculated does not match the signature you provided",
      { AWSAccessKeyId: id, StringToSign: stringToSign, CanonicalRequest: canonical },
    );
  }
  return { payloadHash: claim.payloadHash, presigned: claim.expiresSeconds !== undefined };
}
