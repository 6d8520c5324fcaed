import {
  type ByteRange,
  type GetOptions,
  type ObjectKey,
  type ObjectRead,
  type StoredObject,
  StowageError,
  streamBytes,
} from "../../src/driver.ts";
import { headObject } from "./head.ts";
import { resumingStream } from "./resuming-stream.ts";
import type { S3Store } from "./store.ts";
import type { S3Response } from "./wire/protocol.ts";
import { byteCount, toStoredObject, unexpectedResponse } from "./wire/response-headers.ts";

const CONTENT_RANGE = /^bytes (\d+)-(\d+)\/(\d+)$/;

/**
 * Read an object, or a range of it. After a response that breaks off, another request continues where it
 * ended, provided that the object is still the same.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
 */
export async function getObject(
  store: S3Store,
  key: ObjectKey,
  options: GetOptions = {},
): Promise<ObjectRead> {
  const { range, ifMatch, signal } = options;
  if (range !== undefined && range.start === range.end) {
    return await readNothing(store, key, range, options);
  }
  const opened = await openResponse(store, key, range, ifMatch, signal);
  const { object, body } = opened;
  const resume = async (start: number): Promise<ReadableStream<Uint8Array>> => {
    const rest = { start, end: opened.range.end };
    return (await openResponse(store, key, rest, object.version, signal)).body;
  };
  const stream = resumingStream(body, { range: opened.range, resume, signal });
  return { object, range: opened.range, stream };
}

interface OpenResponse {
  readonly object: StoredObject;
  readonly range: ByteRange;
  readonly body: ReadableStream<Uint8Array>;
}

async function openResponse(
  { client, keys }: S3Store,
  key: ObjectKey,
  range: ByteRange | undefined,
  version: string | undefined,
  signal: AbortSignal | undefined,
): Promise<OpenResponse> {
  const response = await client.send({
    action: "GetObject",
    method: "GET",
    objectKey: keys.inBucket(key),
    headers: {
      ...(range !== undefined && { range: `bytes=${range.start}-${range.end - 1}` }),
      ...(version !== undefined && { "if-match": version }),
    },
    signal,
  });
  try {
    const found = readHead(key, response, range);
    // Checked here, too: a service that ignores If-Match must not mix two objects.
    if (version !== undefined && found.object.version !== version) throw changed();
    return { ...found, body: response.body ?? streamBytes(new Uint8Array(0)) };
  } catch (error) {
    await response.body?.cancel().catch(() => {});
    throw error;
  }
}

/** Check that the response's headers announce exactly what was requested. */
function readHead(
  key: ObjectKey,
  { status, headers }: S3Response,
  range: ByteRange | undefined,
): Omit<OpenResponse, "body"> {
  const encoding = headers.get("content-encoding") ?? "identity";
  if (!/^(identity|aws-chunked)?$/i.test(encoding)) {
    throw unexpectedResponse("the object has a content encoding that was not requested");
  }
  const lengthBytes = byteCount(headers, "content-length");
  if (range === undefined) {
    if (status !== 200)
      throw unexpectedResponse(`status ${status} for a request for a whole object`);
    const object = toStoredObject(key, headers, lengthBytes);
    return { object, range: { start: 0, end: lengthBytes } };
  }
  if (status !== 206) throw unexpectedResponse(`status ${status} for a request for a range`);
  const [, start, last, size] = CONTENT_RANGE.exec(headers.get("content-range") ?? "") ?? [];
  const sizeBytes = Number(size);
  const end = Number(last) + 1;
  const begins = Number(start) === range.start;
  // Like a 416, which covers ranges that begin behind the end: the caller knows of more bytes.
  if (begins && end === sizeBytes && end < range.end) throw changed("it is shorter than the range");
  if (!begins || end !== range.end || lengthBytes !== range.end - range.start) {
    throw unexpectedResponse("it sends a different range than requested");
  }
  return { object: toStoredObject(key, headers, sizeBytes), range: range };
}

/** HTTP cannot ask for no bytes at all (RFC 9110, 14.1.1). */
async function readNothing(
  store: S3Store,
  key: ObjectKey,
  range: ByteRange,
  { ifMatch, ...options }: GetOptions,
): Promise<ObjectRead> {
  const object = await headObject(store, key, options);
  if (object === null) {
    throw new StowageError("object_not_found", "Cannot read object: nothing is stored there");
  }
  if (ifMatch !== undefined && ifMatch !== object.version) throw changed();
  return { object, range, stream: streamBytes(new Uint8Array(0)) };
}

function changed(found = "it has been replaced"): StowageError {
  return new StowageError("object_changed", `Cannot read object: ${found}`);
}
