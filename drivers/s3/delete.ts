import {
  type CallOptions,
  type DeleteOutcome,
  isAbort,
  isStowageError,
  type ObjectKey,
  StowageError,
  throwIfAborted,
} from "../../src/driver.ts";
import type { S3Store } from "./store.ts";
import { isTransient, namingVariables } from "./wire/failure.ts";
import { adviceOnDenial } from "./wire/permissions.ts";
import type { XmlElement } from "./wire/protocol.ts";
import { drain, unexpectedResponse } from "./wire/response-headers.ts";
import { mappingOf } from "./wire/s3-codes.ts";
import { escapeXml } from "./wire/xml.ts";
import { assertRoot, childrenOf, required } from "./wire/xml-fields.ts";

/** What an unknown code of one object among many means. */
const REFUSED = 400;

type Failures = DeleteOutcome["failures"][number][];

const SINGLES_AT_ONCE = 8;
/** XML 1.0 (2.2) excludes these even as `&#1;`, and S3 rejects the whole document. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: keys may hold them
const UNFIT_FOR_XML = /[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;

/** Stores whose service lacks DeleteObjects: Google's, and some gateways. */
const withoutBatch = new WeakSet<S3Store>();

/**
 * Delete objects, many with one request if the service supports that.
 *
 * In a versioned bucket this adds delete markers. The bytes stay until a lifecycle rule expires the noncurrent
 * versions.
 */
export async function deleteObjects(
  store: S3Store,
  keys: readonly ObjectKey[],
  options: CallOptions = {},
): Promise<DeleteOutcome> {
  throwIfAborted(options.signal);
  const alone = keys.filter((key) => UNFIT_FOR_XML.test(key));
  const together = keys.filter((key) => !UNFIT_FOR_XML.test(key));
  if (together.length === 1 || withoutBatch.has(store)) alone.push(...together.splice(0));
  const failures: Failures = [];
  if (together.length > 0) {
    try {
      const refused = await deleteBatch(store, together, options);
      for (const [key, s3Code] of refused) {
        // A transient failure of one key: a request of its own can be retried.
        if (isTransient(mappingOf(s3Code, REFUSED).recovery)) alone.push(key);
        else failures.push({ key, error: refusal(store, s3Code) });
      }
    } catch (error) {
      if (!isUnsupported(error)) throw error;
      withoutBatch.add(store);
      alone.push(...together);
    }
  }
  await deleteEach(store, alone, failures, options);
  return { failures };
}

/**
 * @returns The keys that could not be deleted, with S3's code. Missing keys count as deleted.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
 */
async function deleteBatch(
  { client, keys: space, context }: S3Store,
  keys: readonly ObjectKey[],
  { signal }: CallOptions,
): Promise<[ObjectKey, string][]> {
  const named = new Map(keys.map((key) => [space.inBucket(key), key]));
  const objects = [...named.keys()].map((key) => `<Object><Key>${escapeXml(key)}</Key></Object>`);
  const body = new TextEncoder().encode(`<Delete><Quiet>true</Quiet>${objects.join("")}</Delete>`);
  const md5 = context.hash("md5");
  md5.update(body);
  const root = await client.sendForXml({
    action: "DeleteObjects",
    method: "POST",
    query: [["delete", ""]],
    headers: {
      "content-type": "application/xml",
      "content-md5": btoa(String.fromCharCode(...md5.digest())),
    },
    body,
    signal,
  });
  assertRoot(root, "DeleteResult");
  return childrenOf(root, "Error").flatMap((error): [ObjectKey, string][] => {
    const key = named.get(required(error, "Key"));
    if (key === undefined) throw unexpectedResponse("it reports a key that was not to be deleted");
    return isMissing(error) ? [] : [[key, required(error, "Code")]];
  });
}

async function deleteEach(
  store: S3Store,
  keys: readonly ObjectKey[],
  failures: Failures,
  options: CallOptions,
): Promise<void> {
  const queue = keys[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (const key of queue) {
      try {
        await deleteOne(store, key, options);
      } catch (error) {
        if (isAbort(error)) throw error;
        failures.push({ key, error });
      }
    }
  };
  const workers = Array.from({ length: Math.min(SINGLES_AT_ONCE, keys.length) }, worker);
  await Promise.all(workers);
}

/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html */
async function deleteOne(
  { client, keys }: S3Store,
  key: ObjectKey,
  { signal }: CallOptions,
): Promise<void> {
  const objectKey = keys.inBucket(key);
  try {
    const request = { action: "DeleteObject", method: "DELETE", objectKey, signal } as const;
    await drain(await client.send(request));
  } catch (error) {
    // Google's response to a missing key. AWS reports success.
    if (!isStowageError(error, "object_not_found")) throw error;
  }
}

function isMissing(error: XmlElement): boolean {
  return mappingOf(required(error, "Code"), REFUSED).code === "object_not_found";
}

function refusal({ client, keys }: S3Store, s3Code: string): StowageError {
  const action = "DeleteObjects";
  const { bucket, env } = client;
  const { code, reason, advice } = mappingOf(s3Code, REFUSED);
  const found = advice ?? adviceOnDenial(code, { action }, { bucket, prefix: keys.prefix });
  return new StowageError(
    code,
    `Cannot delete an object in bucket "${bucket}": it answers ${s3Code}: ${reason}`,
    { advice: namingVariables(found, env), data: { action, s3Code } },
  );
}

function isUnsupported(error: unknown): boolean {
  const s3Code = isStowageError(error) ? error.data["s3Code"] : null;
  return s3Code === "NotImplemented" || s3Code === "MethodNotAllowed";
}
