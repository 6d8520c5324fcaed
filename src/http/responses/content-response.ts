import { type ByteRange, formatContentRange } from "../../domain/byte-range.ts";
import { type Representation, selectRepresentation } from "../headers/conditional.ts";

/** Content that clients may request with conditions and ranges. */
export interface Content {
  readonly representation: Representation;
  /** Headers of every response, 304 included (RFC 9110, 15.4.5). */
  readonly headers: Readonly<Record<string, string>>;
  /** Headers of responses with content. */
  readonly contentHeaders: Readonly<Record<string, string>>;
  /** Opens a range, or all of it with `null`. */
  read(range: ByteRange | null): Promise<ReadableStream<Uint8Array>>;
}

/**
 * Respond to GET or HEAD with the content, a range of it, or 304. HEAD does not open the content.
 *
 * @throws {StowageError} `precondition_failed`, `range_not_satisfiable`, and what `read` rejects with.
 */
export async function respondWithContent(request: Request, content: Content): Promise<Response> {
  const { representation, contentHeaders } = content;
  const { sizeBytes } = representation;
  const selection = selectRepresentation(request.method, request.headers, representation);
  if (selection.kind === "not_modified") {
    return new Response(null, { status: 304, headers: content.headers });
  }
  const range = selection.kind === "part" ? selection.range : null;
  const headers: Record<string, string> = { ...content.headers, ...contentHeaders };
  headers["Content-Length"] = String(range === null ? sizeBytes : range.end - range.start);
  if (range !== null) headers["Content-Range"] = formatContentRange(range, sizeBytes);
  if (request.method === "HEAD") return new Response(null, { headers });
  const stream = await content.read(range);
  return new Response(stream, { status: range === null ? 200 : 206, headers });
}
