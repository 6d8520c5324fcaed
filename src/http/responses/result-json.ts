import type { OpenResult } from "../../application/processing/processing-service.ts";
import type { Upload } from "../../domain/upload.ts";
import { toErrorJson, toStatus } from "../schemas.ts";

/**
 * The results of an upload as JSON, with texts of any length: each text is opened when it is its turn, and streamed.
 *
 * @returns When the first piece is ready, so that a failing storage is reported before the response has begun. Read
 *   the stream to its end, or cancel it.
 */
export async function streamResult(
  upload: Upload,
  results: readonly OpenResult[],
): Promise<ReadableStream<Uint8Array>> {
  const pieces = writeResult(upload, results);
  const encoder = new TextEncoder();
  let next: IteratorResult<string> | null = await pieces.next();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const piece = next ?? (await pieces.next());
        next = null;
        if (piece.done === true) controller.close();
        else controller.enqueue(encoder.encode(piece.value));
      },
      async cancel() {
        await pieces.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

async function* writeResult(
  upload: Upload,
  results: readonly OpenResult[],
): AsyncGenerator<string, void, undefined> {
  let before = `{"upload_id":${JSON.stringify(upload.id)},"status":${JSON.stringify(toStatus(upload))},"processors":[`;
  for (const result of results) {
    const text = await result.openText?.();
    const { name, version, status } = result;
    try {
      yield `${before}${openObject({ name, version, status })},"output":`;
      if (text === undefined) yield JSON.stringify(result.output);
      else yield* writeOutput(result.output ?? {}, text);
    } finally {
      // The text is open even if reading stops before its first byte.
      await text?.cancel().catch(() => {});
    }
    yield `,"error":${JSON.stringify(toErrorJson(result.error))},"duration_ms":${result.durationMs}}`;
    before = ",";
  }
  yield results.length === 0 ? `${before}]}` : "]}";
}

async function* writeOutput(
  facts: Readonly<Record<string, unknown>>,
  text: ReadableStream<Uint8Array>,
): AsyncGenerator<string, void, undefined> {
  const { text: _, ...others } = facts;
  const head = openObject(others);
  yield `${head}${head === "{" ? "" : ","}"text":"`;
  const decoder = new TextDecoder();
  for await (const chunk of text) yield escapeJson(decoder.decode(chunk, { stream: true }));
  yield `${escapeJson(decoder.decode())}"}`;
}

/** A JSON object without its closing brace. */
function openObject(value: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(value).slice(0, -1);
}

/** `text` escaped for a JSON string, without quotes. The decoder never splits a surrogate pair. */
function escapeJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
