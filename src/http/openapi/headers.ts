import {
  EXAMPLE_DIGEST,
  EXAMPLE_ID,
  EXAMPLE_MD5,
  EXAMPLE_REQUEST_ID,
  EXAMPLE_SHA256,
} from "./example-values.ts";

/** A header as documented in OpenAPI. */
interface HeaderDoc {
  readonly description: string;
  readonly schema: { readonly type: "string" | "integer"; readonly [keyword: string]: unknown };
  readonly required?: boolean;
}

const text = (example: string, pattern?: string): HeaderDoc["schema"] => ({
  type: "string",
  examples: [example],
  pattern,
});

const ETAG = `"${EXAMPLE_SHA256}"`;
const DATE = "Tue, 24 Nov 2026 09:30:00 GMT";

/** Request headers. */
export const REQUEST_HEADERS = {
  "X-Request-Id": {
    description:
      "Identifies the request in the response and the log. Stowage generates one if it is missing or unsafe to log.",
    schema: text(EXAMPLE_REQUEST_ID),
  },
  "Idempotency-Key": {
    description:
      "A unique key for this upload, such as a UUID. For 24 hours a retry with the same key returns the first upload. A different request with the same key gets 422; a retry while the first request is in progress gets 409.",
    schema: text("7e2f2b1e-0d6c-4c55-9a53-0a3a6cb1d6ef"),
  },
  "Repr-Digest": {
    description:
      "The SHA-256, SHA-512 or both (RFC 9530): of the file with PUT, of the whole body with POST. A mismatch is 422, and nothing is stored. Other algorithms and trailers are ignored.",
    schema: text(EXAMPLE_DIGEST),
  },
  "Content-Digest": {
    description: "Same as `Repr-Digest`, since uploads have no content encoding and no ranges.",
    schema: text(EXAMPLE_DIGEST),
  },
  "Content-MD5": {
    description: "The MD5 in base64 (RFC 1864), for clients that support nothing better.",
    schema: text(EXAMPLE_MD5),
  },
  Range: {
    description: "A single byte range, suffix ranges included (RFC 9110, 14.2). GET only.",
    schema: text("bytes=0-11"),
  },
  "If-Match": {
    description: "Succeed only if the `ETag` is one of these; `*` matches any.",
    schema: text("*"),
  },
  "If-None-Match": {
    description: "Return 304 if the `ETag` is one of these.",
    schema: text('"another"'),
  },
  "If-Modified-Since": {
    description: "Return 304 if the file has not changed since.",
    schema: text("Mon, 23 Nov 2026 09:30:00 GMT"),
  },
  "If-Unmodified-Since": {
    description: "Succeed only if the file has not changed since.",
    schema: text(DATE),
  },
  "If-Range": {
    description:
      "The `ETag` or time that `Range` applies to. If it does not match, the response has the whole file.",
    schema: text(ETAG),
  },
} satisfies Record<string, HeaderDoc>;
export type RequestHeader = keyof typeof REQUEST_HEADERS;

/** `If-Match` of calls that change an upload object. Its `ETag` differs from that of its file. */
export const IF_MATCH_OBJECT = {
  name: "If-Match",
  in: "header" as const,
  description: "Succeed only if the `ETag` of the upload object is one of these.",
  schema: { type: "string" as const, examples: ['"r2"'] },
};

/** Response headers. Those that are `required` are present wherever they are declared. */
export const RESPONSE_HEADERS = {
  "X-Request-Id": {
    description:
      "Identifies this request: the id that the caller sent if it is safe to log, else a generated one.",
    schema: text(EXAMPLE_REQUEST_ID, "^[A-Za-z0-9._-]{1,128}$"),
    required: true,
  },
  Location: {
    description: "The URL of the upload.",
    schema: {
      ...text(`/api/v1/upload/${EXAMPLE_ID}`),
      format: "uri-reference",
    },
    required: true,
  },
  Link: {
    description: "The next page, if there is one (RFC 8288): the same query with `next_cursor`.",
    schema: text('</api/v1/upload?limit=50&cursor=…>; rel="next"', '^<[^>]+>; rel="next"$'),
  },
  ETag: {
    description:
      "For a file, its quoted SHA-256, whichever storage has it. For an upload object, its current revision.",
    schema: text(ETAG, '^(W/)?"[^"]*"$'),
    required: true,
  },
  "Last-Modified": { description: "When the file was uploaded.", schema: text(DATE, " GMT$") },
  "Accept-Ranges": {
    description: "`bytes` if `Range` is supported, else `none`.",
    schema: { type: "string", enum: ["bytes", "none"], examples: ["bytes"] },
  },
  "Content-Range": {
    description: "The range of bytes in the body, and the total size.",
    schema: text("bytes 0-11/40", "^bytes (\\d+-\\d+|\\*)/\\d+$"),
    required: true,
  },
  "Content-Disposition": {
    description: "The filename, in any script (RFC 6266, RFC 8187).",
    schema: text('attachment; filename="resume.txt"'),
  },
  "Repr-Digest": {
    description: "The SHA-256 of the whole file (RFC 9530), with ranges too.",
    schema: text(EXAMPLE_DIGEST, "^sha-256=:[A-Za-z0-9+/]{43}=:$"),
  },
  "WWW-Authenticate": {
    description: "How to authenticate, and what was wrong with the credential (RFC 6750).",
    schema: text('Bearer realm="stowage"', "^Bearer "),
    required: true,
  },
  "Retry-After": {
    description: "Seconds to wait before trying again.",
    schema: { type: "integer", minimum: 0, examples: [5] },
  },
  RateLimit: {
    description:
      "The requests left of the rate limit, and the seconds until it resets, if there is one (draft-ietf-httpapi-ratelimit-headers-07). It is the tenant's limit if the request got that far, else the address's.",
    schema: text("limit=60, remaining=59, reset=60"),
  },
  "RateLimit-Policy": {
    description: "The rate limit and its window in seconds, if there is one.",
    schema: text("60;w=60"),
  },
  "Idempotency-Replayed": {
    description: "`true` if an earlier request with this `Idempotency-Key` created the upload.",
    schema: { type: "string", const: "true", examples: ["true"] },
  },
  Allow: {
    description: "The methods that this path supports.",
    schema: text("GET, HEAD, OPTIONS"),
  },
  Accept: {
    description: "The accepted values of `Content-Type`.",
    schema: text("application/json"),
  },
  "Accept-Encoding": {
    description: "The accepted `Content-Encoding`: none.",
    schema: text("identity"),
  },
  "X-Accel-Buffering": {
    description: "Asks proxies to forward messages without buffering.",
    schema: { type: "string", const: "no", examples: ["no"] },
  },
} satisfies Record<string, HeaderDoc>;
export type ResponseHeader = keyof typeof RESPONSE_HEADERS;

/** Headers that any response may have, documented once and marked `x-any-answer`. */
export const COMMON_RESPONSE_HEADERS = {
  "X-Content-Type-Options": {
    description: "Browsers must not guess another type.",
    schema: { type: "string", const: "nosniff", examples: ["nosniff"] },
  },
  "Content-Security-Policy": {
    description: "What a browser may do with the response: almost nothing.",
    schema: text("default-src 'none'; frame-ancestors 'none'"),
  },
  "Referrer-Policy": {
    description: "Keeps ids out of the logs of other sites.",
    schema: text("no-referrer"),
  },
  "Cache-Control": {
    description: "Keeps responses out of shared caches.",
    schema: text("no-store"),
  },
  "Cross-Origin-Resource-Policy": {
    description:
      "Keeps pages of other origins from embedding the response as an image or a script.",
    schema: text("same-origin"),
  },
  Vary: {
    description: "The request headers that the response depends on.",
    schema: text("Origin"),
  },
  "Access-Control-Allow-Origin": {
    description: "For pages of the origins in `CORS_ORIGINS`.",
    schema: text("https://app.example"),
  },
  "Access-Control-Allow-Credentials": {
    description: "Such pages may send cookies, unless `CORS_ORIGINS` is `*`.",
    schema: { type: "string", const: "true", examples: ["true"] },
  },
  "Access-Control-Expose-Headers": {
    description: "The response headers that such pages may read.",
    schema: text("Location,ETag,Content-Range,Repr-Digest,X-Request-Id"),
  },
} satisfies Record<string, HeaderDoc>;

/** `parameters` of a route: references to {@link REQUEST_HEADERS}. */
export function requestHeaders(...names: readonly RequestHeader[]): { $ref: string }[] {
  return names.map((name) => ({ $ref: `#/components/parameters/${name}` }));
}

/** `headers` of a response: references to {@link RESPONSE_HEADERS}. */
export function responseHeaders(
  ...names: readonly ResponseHeader[]
): Record<string, { $ref: string }> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}
