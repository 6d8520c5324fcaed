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
import { byteCount, describe, distrust } from "./wire/facts.ts";
import type { S3Answer } from "./wire/protocol.ts";

const CONTENT_RANGE = /^bytes (\d+)-(\d+)\/(\d+)$/;

/**
 * Read an object, or a stretch of it. An answer that breaks off is taken up where it ended, as long as the
 * object is the same.
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
  const { object, stretch, body } = await openAnswer(store, key, range, ifMatch, signal);
  const resume = async (start: number): Promise<ReadableStream<Uint8Array>> => {
    const rest = { start, end: stretch.end };
    return (await openAnswer(store, key, rest, object.version, signal)).body;
  };
  return { object, range: stretch, stream: resumingStream(body, { stretch, resume, signal }) };
}

interface OpenAnswer {
  readonly object: StoredObject;
  readonly stretch: ByteRange;
  readonly body: ReadableStream<Uint8Array>;
}

async function openAnswer(
  { client, keys }: S3Store,
  key: ObjectKey,
  range: ByteRange | undefined,
  version: string | undefined,
  signal: AbortSignal | undefined,
): Promise<OpenAnswer> {
  const answer = await client.send({
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
    const found = readHead(key, answer, range);
    // A service that does not know If-Match must not mix two objects either.
    if (version !== undefined && found.object.version !== version) throw changed();
    return { ...found, body: answer.body ?? streamBytes(new Uint8Array(0)) };
  } catch (error) {
    await answer.body?.cancel().catch(() => {});
    throw error;
  }
}

/** What the head of an answer promises: exactly what was asked for, or it is refused. */
function readHead(
  key: ObjectKey,
  { status, headers }: S3Answer,
  range: ByteRange | undefined,
): Omit<OpenAnswer, "body"> {
  const encoding = headers.get("content-encoding") ?? "identity";
  if (!/^(identity|aws-chunked)?$/i.test(encoding)) {
    throw distrust("the object comes in a content encoding, which was not asked for");
  }
  const lengthBytes = byteCount(headers, "content-length");
  if (range === undefined) {
    if (status !== 200) throw distrust(`it answers ${status} to a request for a whole object`);
    const object = describe(key, headers, lengthBytes);
    return { object, stretch: { start: 0, end: lengthBytes } };
  }
  if (status !== 206) throw distrust(`it answers ${status} to a request for a range`);
  const [, start, last, size] = CONTENT_RANGE.exec(headers.get("content-range") ?? "") ?? [];
  const sizeBytes = Number(size);
  const end = Number(last) + 1;
  const begins = Number(start) === range.start;
  // As with a 416, which is for ranges that begin behind the end: the caller knows of more bytes.
  if (begins && end === sizeBytes && end < range.end) throw changed("it is shorter than the range");
  if (!begins || end !== range.end || lengthBytes !== range.end - range.start) {
    throw distrust("it sends another range than the one asked for");
  }
  return { object: describe(key, headers, sizeBytes), stretch: range };
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
