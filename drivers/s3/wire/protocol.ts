/** What signs a request. Never logged, never in a message. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** Milliseconds since 1970; without it they last. */
  readonly expiresAt?: number;
}

/**
 * Where credentials come from. Asked before every attempt; what it gives may be kept by it, not by us.
 *
 * @param refused Those that the server has just refused as expired or unknown: anything kept is to be read
 *   anew. The same ones again end the call.
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
  /** The whole key in the bucket, prefix and all; without it, the bucket itself is addressed. */
  readonly objectKey?: string;
  /** In any order; `["uploads", ""]` is `?uploads=`. Names do not repeat. */
  readonly query?: readonly (readonly [name: string, value: string])[];
  /** Lower-case names; Unicode values must be encoded already. */
  readonly headers?: Readonly<Record<string, string>>;
  /** All of it at hand: its SHA-256 is signed, and it can be sent again. */
  readonly body?: Uint8Array;
  /** The SHA-256 of `body` in lower-case hexadecimal, if the caller has computed it already. */
  readonly bodySha256?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A good response. */
export interface S3Response {
  readonly status: number;
  readonly headers: Headers;
  /** Read it to its end or cancel it. Idle for too long, it fails with `storage_timeout`. */
  readonly body: ReadableStream<Uint8Array> | null;
}

/**
 * One bucket, spoken to over HTTP: addresses, signs, sends, waits, tries again, and tells errors apart.
 * Knows nothing of what the requests mean.
 */
export interface S3Client {
  /** The bucket's name, for messages to operators. */
  readonly bucket: string;
  /**
   * Send a request until it is answered: trying again, following the bucket's region and the server's clock
   * are done here.
   *
   * @returns The response, if its status is 2xx. A body is the caller's to read or cancel.
   * @throws {StowageError} For every other response and for none. `data` holds `action`, `s3Code` (`NoSuchKey`,
   *   or for answers without a body what their status means; `null` without an response), `status` (or `null`)
   *   and `attempts`: above 1, an earlier one may have done its work. Codes: `object_not_found`
   *   (NoSuchKey, NoSuchUpload, or 404 to HEAD of a key), `object_exists` (412 to `if-none-match`), `object_changed` (412
   *   otherwise), `storage_access_denied`, `storage_misconfigured` (bucket, region, key pair, clock),
   *   `storage_unavailable`, `storage_timeout`, `storage_full`, `request_aborted`.
   */
  send(request: S3Request): Promise<S3Response>;
  /**
   * The same for answers that are XML: reads it whole, within bounds. A 200 that holds an `<Error>` is one.
   *
   * @throws {StowageError} Besides what `send` throws, `storage_unavailable` for an response that is no XML of S3's.
   */
  sendForXml(request: S3Request): Promise<XmlElement>;
  /** Free what outlives calls. */
  dispose(): Promise<void>;
}

/** An element of an response. S3 uses neither attributes nor mixed content that mean anything. */
export interface XmlElement {
  /** Without a namespace prefix. */
  readonly name: string;
  readonly children: readonly XmlElement[];
  /** Its own text, entities resolved, not trimmed; empty where it has children. */
  readonly text: string;
}
