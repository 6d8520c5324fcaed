import { AwsV4Signer } from "aws4fetch";
import { delay, type Hasher, StowageError, toHex } from "../../../src/driver.ts";
import type { Credentials, S3Request } from "./protocol.ts";

const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/** About eight milliseconds of hashing, a whole part by default. Between slices the event loop is free. */
const SLICE_BYTES = 8 * 1024 * 1024;
/** A key is derived per day, region and secret. Beyond a few, the rest are outdated. */
const MAX_KEPT_KEYS = 4;
/** Valid in a header. Checked here, because the error of fetch would quote an invalid value. */
const HEADER_SAFE = /^[\x21-\x7e]+$/;

/** A request as it is sent. */
export interface SignedRequest {
  readonly url: string;
  readonly headers: Headers;
}

/** What a signature covers besides the request itself. */
export interface SigningScope {
  readonly url: string;
  readonly region: string;
  readonly credentials: Credentials;
  readonly bodySha256: string;
  /** The server's time, in milliseconds since 1970. */
  readonly now: number;
}

/**
 * Signs the requests of one client with Signature Version 4. Covers all given headers and the body's digest.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
export class Signer {
  readonly #keys = new Map<string, ArrayBuffer>();

  /** Call it right before sending: a signature is valid for 15 minutes. */
  async sign(request: S3Request, scope: SigningScope): Promise<SignedRequest> {
    const { accessKeyId, secretAccessKey, sessionToken } = scope.credentials;
    checkCredentials(scope.credentials);
    const signer = makeSigner({
      method: request.method,
      url: scope.url,
      headers: { ...request.headers, "x-amz-content-sha256": scope.bodySha256 },
      accessKeyId,
      secretAccessKey,
      ...(sessionToken !== undefined && { sessionToken }),
      service: "s3",
      region: scope.region,
      cache: this.#keys,
      datetime: new Date(scope.now).toISOString().replace(/[:-]|\.\d{3}/g, ""),
      allHeaders: true,
    });
    // The signed URL must be the intended one; a rewritten one could address another bucket.
    if (signer.url.href !== scope.url) {
      throw new StowageError("invalid_key", "Cannot address object: its URL would be rewritten");
    }
    const { headers } = await signer.sign();
    if (this.#keys.size > MAX_KEPT_KEYS) this.#forgetOldest();
    // Not signed, because proxies rewrite it. If unset, fetch would request gzip and return other bytes.
    headers.set("accept-encoding", "identity");
    return { url: scope.url, headers };
  }

  #forgetOldest(): void {
    for (const name of this.#keys.keys()) {
      this.#keys.delete(name);
      return;
    }
  }

  /** Forget all derived keys. */
  clear(): void {
    this.#keys.clear();
  }
}

function makeSigner(options: ConstructorParameters<typeof AwsV4Signer>[0]): AwsV4Signer {
  try {
    return new AwsV4Signer(options);
  } catch {
    // Without its cause, which would quote the header.
    throw new StowageError(
      "invalid_metadata",
      "Cannot sign S3 request: a header holds invalid characters",
    );
  }
}

/** The SHA-256 to sign, in lower-case hexadecimal. */
export async function digestOf(
  { body, bodySha256 }: Pick<S3Request, "body" | "bodySha256">,
  hash: Hasher,
): Promise<string> {
  if (bodySha256 !== undefined) return bodySha256;
  if (body === undefined || body.byteLength === 0) return EMPTY_SHA256;
  const sha256 = hash("sha256");
  for (let start = 0; start < body.byteLength; start += SLICE_BYTES) {
    if (start > 0) await delay(0);
    sha256.update(body.subarray(start, start + SLICE_BYTES));
  }
  return toHex(sha256.digest());
}

function checkCredentials({ accessKeyId, secretAccessKey, sessionToken }: Credentials): void {
  const sound =
    HEADER_SAFE.test(accessKeyId) &&
    secretAccessKey !== "" &&
    (sessionToken === undefined || HEADER_SAFE.test(sessionToken));
  if (sound) return;
  throw new StowageError(
    "storage_misconfigured",
    "Cannot sign S3 request: the credentials are empty or hold invalid characters; copy them again",
  );
}
