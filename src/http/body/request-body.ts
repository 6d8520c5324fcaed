import type { z } from "zod";
import { type ByteStream, chunksOf, readAtMost } from "../../domain/bytes.ts";
import { StowageError } from "../../domain/errors.ts";
import { findMediaType } from "../../domain/media-type.ts";
import type { HttpOptions } from "../endpoint.ts";
import { HttpError, invalidFields } from "../problem.ts";
import { fieldProblems } from "../validation.ts";

/** The part of a handler's context that is used here. */
interface RequestContext {
  readonly env: unknown;
  readonly req: { readonly raw: Request };
  readonly var: { readonly options: HttpOptions };
}

/** The body of a request, read the fastest way that the runtime offers. Can be read once. */
export function bodyOf(c: RequestContext): ByteStream {
  return (
    c.var.options.requestBody?.(c.env, c.req.raw) ?? c.req.raw.body ?? chunksOf(new Uint8Array(0))
  );
}

/**
 * `Content-Length`, or `undefined` if the length is unknown. A number too large to be exact still exceeds every
 * limit.
 */
export function findContentLength(headers: Headers): number | undefined {
  const text = headers.get("Content-Length");
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
}

/**
 * Bodies are stored as received. A compressed body would be stored compressed under the name of the original, so
 * it is refused.
 *
 * @throws {HttpError} `unsupported_media_type`
 */
export function refuseContentEncoding(headers: Headers): void {
  const encoding = headers.get("Content-Encoding")?.trim().toLowerCase() ?? "";
  if (encoding === "" || encoding === "identity") return;
  throw new HttpError(
    "unsupported_media_type",
    "Cannot read body: send it without Content-Encoding",
    {
      // The accepted encodings (RFC 9110, 15.5.16 and 12.5.3).
      headers: { "Accept-Encoding": "identity" },
    },
  );
}

/**
 * Read a small, optional JSON body.
 *
 * @returns The parsed value, or `null` if the body is empty.
 * @throws {StowageError} `unsupported_media_type`, `body_too_large`, `invalid_request` if it is not valid JSON,
 *   `invalid_parameter` if it does not match `schema`.
 */
export async function readOptionalJson<Schema extends z.ZodType>(
  c: RequestContext,
  schema: Schema,
  limitBytes: number,
  mediaTypes: readonly string[] = ["application/json"],
): Promise<z.output<Schema> | null> {
  const { headers } = c.req.raw;
  refuseContentEncoding(headers);
  const tooLarge = new StowageError(
    "body_too_large",
    `Cannot read body: it exceeds ${limitBytes} bytes`,
  );
  if ((findContentLength(headers) ?? 0) > limitBytes) throw tooLarge;
  const bytes = await readAtMost(bodyOf(c), limitBytes);
  if (bytes === null) throw tooLarge;
  if (bytes.byteLength === 0) return null;
  if (!mediaTypes.includes(findMediaType(headers.get("Content-Type")) ?? "")) {
    const reason = `Cannot read body: send ${mediaTypes.join(" or ")}`;
    throw new HttpError("unsupported_media_type", reason, {
      headers: { Accept: mediaTypes.join(", ") },
    });
  }
  const parsed = schema.safeParse(parseJson(bytes));
  if (parsed.success) return parsed.data;
  throw invalidFields(fieldProblems("json", parsed.error));
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch (cause) {
    throw new StowageError("invalid_request", "Cannot read body: it is not valid JSON", { cause });
  }
}
