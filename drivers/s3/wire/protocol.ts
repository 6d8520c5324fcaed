/** Credentials that sign requests. Never put them into logs or messages. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** Milliseconds since 1970. Without it they do not expire. */
  readonly expiresAt?: number;
}

/**
 * Provides credentials. Called before every attempt. The source may cache them; the client does not.
 *
 * @param refused Credentials that the server just rejected as expired or unknown: read cached ones again. If the source
 *   returns the same ones, the call fails.
 */
export type CredentialSource = (
  signal?: AbortSignal,
  refused?: Credentials,
) => Promise<Credentials>;

/** One request of S3's REST API, before it is addressed, signed and sent. */
export interface S3Request {
  /** The action of S3's API reference, for errors, logs and `doctor`: `PutObject`. */
  readonly action: string;
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** The full key in the bucket, including the prefix. Without it, the request is for the bucket. */
  readonly objectKey?: string;
  /** In any order; `["uploads", ""]` is `?uploads=`. Names do not repeat. */
  readonly query?: readonly (readonly [name: string, value: string])[];
  /** Lower-case names. Unicode values must already be encoded. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Held completely, so that its SHA-256 can be signed and it can be sent again. */
  readonly body?: Uint8Array;
  /** The SHA-256 of `body` in lower-case hexadecimal, if the caller has computed it already. */
  readonly bodySha256?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A successful response. */
export interface S3Response {
  readonly status: number;
  readonly headers: Headers;
  /** Read it to its end or cancel it. After too long without data it fails with `storage_timeout`. */
  readonly body: ReadableStream<Uint8Array> | null;
}

/**
 * One bucket over HTTP: builds URLs, signs, sends, waits, retries and classifies errors. Knows nothing about the meaning
 * of the requests.
 */
export interface S3Client {
  /** The bucket's name, for messages to operators. */
  readonly bucket: string;
  /** The prefix of the variables that the storage reads, for advice. */
  readonly env?: string | undefined;
  /**
   * Send a request until it succeeds. Retries, and adopts the bucket's region and the server's clock.
   *
   * @returns The response, if its status is 2xx. The caller reads or cancels its body.
   * @throws {StowageError} For every other response and for none. `data` holds `action`, `s3Code` (`NoSuchKey`, or the
   *   meaning of the status if the response has no body; `null` without a response), `status` (or `null`) and
   *   `attempts`: above 1, an earlier attempt may have succeeded. Codes: `object_not_found`
   *   (NoSuchKey, NoSuchUpload, or 404 to HEAD of a key), `object_exists` (412 to `if-none-match`), `object_changed` (412
   *   otherwise), `storage_access_denied`, `storage_misconfigured` (bucket, region, key pair, clock),
   *   `storage_unavailable`, `storage_timeout`, `storage_full`, `request_aborted`.
   */
  send(request: S3Request): Promise<S3Response>;
  /**
   * The same for XML responses. Reads the document, up to a limit. A 200 that holds an `<Error>` is an error.
   *
   * @throws {StowageError} Besides what `send` throws, `storage_unavailable` for a response that is not S3's XML.
   */
  sendForXml(request: S3Request): Promise<XmlElement>;
  /** Free what outlives a call. */
  dispose(): Promise<void>;
}

/** An element of a response. S3 uses no meaningful attributes or mixed content. */
export interface XmlElement {
  /** Without a namespace prefix. */
  readonly name: string;
  readonly children: readonly XmlElement[];
  /** Its text with entities resolved, not trimmed. Empty if it has children. */
  readonly text: string;
}
