import {
  EXAMPLE_DIGEST,
  EXAMPLE_ID,
  EXAMPLE_MD5,
  EXAMPLE_REQUEST_ID,
  EXAMPLE_SHA256,
} from "./example-values.ts";

/** A header as the OpenAPI document tells of it. */
interface HeaderDoc {
  readonly description: string;
  readonly schema: { readonly type: "string" | "integer"; readonly [keyword: string]: unknown };
  readonly required?: boolean;
}

const text = (example: string, pattern?: string): HeaderDoc["schema"] => ({
  ...{ type: "string", examples: [example] },
  ...(pattern === undefined ? {} : { pattern }),
});

const ETAG = `"${EXAMPLE_SHA256}"`;
const DATE = "Tue, 24 Nov 2026 09:30:00 GMT";

/** Headers that requests may carry. */
export const REQUEST_HEADERS = {
  "X-Request-Id": {
    description: "Comes back in the answer and stands in the log. Made up where it is not sane.",
    schema: text(EXAMPLE_REQUEST_ID),
  },
  "Idempotency-Key": {
    description:
      "A name for this upload, such as a UUID. For 24 hours a repeat is answered with the first upload; with another request it is 422, and 409 while the first is under way.",
    schema: text("7e2f2b1e-0d6c-4c55-9a53-0a3a6cb1d6ef"),
  },
  "Repr-Digest": {
    description:
      "The SHA-256, SHA-512 or both of what is sent (RFC 9530): the file with PUT, the whole body with POST. A mismatch is 422, and nothing is kept. Other algorithms are ignored, trailers too.",
    schema: text(EXAMPLE_DIGEST),
  },
  "Content-Digest": {
    description: "As `Repr-Digest`: here nothing is sent encoded or in parts.",
    schema: text(EXAMPLE_DIGEST),
  },
  "Content-MD5": {
    description: "The MD5 of what is sent, in base64 (RFC 1864), for clients that know no better.",
    schema: text(EXAMPLE_MD5),
  },
  Range: {
    description: "One range of bytes, suffixes too (RFC 9110, 14.2). For GET only.",
    schema: text("bytes=0-11"),
  },
  "If-Match": {
    description: "Answer only if the `ETag` is one of these, or for `*` if there is one.",
    schema: text("*"),
  },
  "If-None-Match": {
    description: "Answer 304 if the `ETag` is one of these.",
    schema: text('"another"'),
  },
  "If-Modified-Since": {
    description: "Answer 304 if nothing has changed since.",
    schema: text("Mon, 23 Nov 2026 09:30:00 GMT"),
  },
  "If-Unmodified-Since": {
    description: "Answer only if nothing has changed since.",
    schema: text(DATE),
  },
  "If-Range": {
    description: "The `ETag` (or time) that `Range` is meant for; of another, all is sent.",
    schema: text(ETAG),
  },
} satisfies Record<string, HeaderDoc>;
export type RequestHeader = keyof typeof REQUEST_HEADERS;

/** `If-Match` of what changes an upload object, whose `ETag` is another than its file's. */
export const IF_MATCH_OBJECT = {
  name: "If-Match",
  in: "header" as const,
  description: "Change it only if the `ETag` of the object is one of these.",
  schema: { type: "string" as const, examples: ['"r2"'] },
};

/** Headers that answers may carry; `required` ones do wherever they are declared. */
export const RESPONSE_HEADERS = {
  "X-Request-Id": {
    description: "The name of this request: the caller's, if it sent a sane one.",
    schema: text(EXAMPLE_REQUEST_ID, "^[A-Za-z0-9._-]{1,128}$"),
    required: true,
  },
  Location: {
    description: "Where the upload is.",
    schema: {
      ...text(`/api/v1/upload/${EXAMPLE_ID}`),
      format: "uri-reference",
    },
    required: true,
  },
  Link: {
    description:
      "The next page, where there is one (RFC 8288): the same question with `next_cursor`.",
    schema: text('</api/v1/upload?limit=50&cursor=…>; rel="next"', '^<[^>]+>; rel="next"$'),
  },
  ETag: {
    description:
      "Names these bytes: of a file it is the quoted SHA-256, wherever it lies; of an upload object the state that it is in.",
    schema: text(ETAG, '^(W/)?"[^"]*"$'),
    required: true,
  },
  "Last-Modified": { description: "When the file came.", schema: text(DATE, " GMT$") },
  "Accept-Ranges": {
    description: "`bytes` where `Range` is known, else `none`.",
    schema: { type: "string", enum: ["bytes", "none"], examples: ["bytes"] },
  },
  "Content-Range": {
    description: "Which bytes these are, and of how many.",
    schema: text("bytes 0-11/40", "^bytes (\\d+-\\d+|\\*)/\\d+$"),
    required: true,
  },
  "Content-Disposition": {
    description: "The filename, in whatever script (RFC 6266, RFC 8187).",
    schema: text('attachment; filename="resume.txt"'),
  },
  "Repr-Digest": {
    description: "The SHA-256 of the whole file (RFC 9530), also beside a range of it.",
    schema: text(EXAMPLE_DIGEST, "^sha-256=:[A-Za-z0-9+/]{43}=:$"),
  },
  "WWW-Authenticate": {
    description: "How to show a credential, and what was wrong with it (RFC 6750).",
    schema: text('Bearer realm="stowage"', "^Bearer "),
    required: true,
  },
  "Retry-After": {
    description: "Seconds after which another try makes sense.",
    schema: { type: "integer", minimum: 0, examples: [5] },
  },
  RateLimit: {
    description:
      "How many requests are left of the rate limit, and after how many seconds it begins anew, where there is one (draft-ietf-httpapi-ratelimit-headers-07): the tenant's, if the request got that far, else the address's.",
    schema: text("limit=60, remaining=59, reset=60"),
  },
  "RateLimit-Policy": {
    description: "The rate limit itself, and its window in seconds, where there is one.",
    schema: text("60;w=60"),
  },
  "Idempotency-Replayed": {
    description: "`true` where an earlier request with this `Idempotency-Key` has made the upload.",
    schema: { type: "string", const: "true", examples: ["true"] },
  },
  Allow: { description: "The methods of this path.", schema: text("GET, HEAD, OPTIONS") },
  Accept: {
    description: "Which `Content-Type` would be taken.",
    schema: text("application/json"),
  },
  "Accept-Encoding": {
    description: "Which `Content-Encoding` would be taken: none.",
    schema: text("identity"),
  },
  "X-Accel-Buffering": {
    description: "Asks proxies to pass messages on at once.",
    schema: { type: "string", const: "no", examples: ["no"] },
  },
} satisfies Record<string, HeaderDoc>;
export type ResponseHeader = keyof typeof RESPONSE_HEADERS;

/** Headers that any answer may carry, told once and marked `x-any-answer`. */
export const COMMON_RESPONSE_HEADERS = {
  "X-Content-Type-Options": {
    description: "Types are found by us, not guessed by browsers.",
    schema: { type: "string", const: "nosniff", examples: ["nosniff"] },
  },
  "Content-Security-Policy": {
    description: "What a browser may do with the answer: next to nothing.",
    schema: text("default-src 'none'; frame-ancestors 'none'"),
  },
  "Referrer-Policy": {
    description: "Ids stay out of the logs of others.",
    schema: text("no-referrer"),
  },
  "Cache-Control": {
    description: "Nothing is kept by caches that serve others.",
    schema: text("no-store"),
  },
  "Cross-Origin-Resource-Policy": {
    description: "Which pages may show it as an image or run it: none of another origin.",
    schema: text("same-origin"),
  },
  Vary: { description: "What else the answer depends on.", schema: text("Origin") },
  "Access-Control-Allow-Origin": {
    description: "For pages of the origins in `CORS_ORIGINS`.",
    schema: text("https://app.example"),
  },
  "Access-Control-Allow-Credentials": {
    description: "Such pages may send cookies along, unless any page may call.",
    schema: { type: "string", const: "true", examples: ["true"] },
  },
  "Access-Control-Expose-Headers": {
    description: "Which headers such pages may read.",
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
