import { AwsV4Signer } from "aws4fetch";
import { type Hasher, StowageError, toHex } from "../../../src/driver.ts";
import type { Credentials, S3Request } from "./protocol.ts";

const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/** Some eight milliseconds of hashing, a whole part by default; between longer slices others have their turn. */
const SLICE_BYTES = 8 * 1024 * 1024;
/** A key is derived per day, region and secret; more than a few at a time are old ones. */
const MAX_KEPT_KEYS = 4;
/** What a header can hold. A fetch that refuses one would quote it in its error. */
const HEADER_SAFE = /^[\x21-\x7e]+$/;

/** A request as it goes out. */
export interface SignedRequest {
  readonly url: string;
  readonly headers: Headers;
}

/** What a signature binds besides the request itself. */
export interface SigningScope {
  readonly url: string;
  readonly region: string;
  readonly credentials: Credentials;
  readonly bodySha256: string;
  /** The server's time, in milliseconds since 1970. */
  readonly now: number;
}

/**
 * Signs requests of one client with Signature Version 4: every header that is given, and the body's digest.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
export class Signer {
  readonly #keys = new Map<string, ArrayBuffer>();

  /** Right before sending: a signature is good for 15 minutes. */
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
    // What is signed, what is sent and what was meant are one: anything else could leave the bucket.
    if (signer.url.href !== scope.url) {
      throw new StowageError("invalid_key", "Cannot address object: its URL would be rewritten");
    }
    const { headers } = await signer.sign();
    if (this.#keys.size > MAX_KEPT_KEYS) this.#forgetOldest();
    // Not signed, since proxies rewrite it. Unset, fetch would ask for gzip and give back other bytes.
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
    // Its error would quote the header: it is no cause to keep.
    throw new StowageError(
      "invalid_metadata",
      "Cannot sign S3 request: a header holds characters that no header can",
    );
  }
}

/** The SHA-256 that gets signed, in lower-case hexadecimal. */
export async function digestOf(
  { body, bodySha256 }: Pick<S3Request, "body" | "bodySha256">,
  hash: Hasher,
): Promise<string> {
  if (bodySha256 !== undefined) return bodySha256;
  if (body === undefined || body.byteLength === 0) return EMPTY_SHA256;
  const sha256 = hash("sha256");
  for (let start = 0; start < body.byteLength; start += SLICE_BYTES) {
    if (start > 0) await new Promise((resolve) => setTimeout(resolve, 0));
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
    "Cannot sign S3 request: the credentials are empty or hold characters that no header can; copy them anew",
  );
}
