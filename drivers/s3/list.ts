import {
  compareUtf8,
  type ListOptions,
  type ListPage,
  OWN_FOLDER,
  type StoredObject,
} from "../../src/driver.ts";
import type { S3Store } from "./store.ts";
import { quoteEtag, toModifiedAt, unexpectedResponse } from "./wire/response-headers.ts";
import { assertRoot, childrenOf, keyReader, required, requiredCount } from "./wire/xml-fields.ts";

const PAGE_OBJECTS = 1000;
const OWN = `${OWN_FOLDER}/`;
/** Sorts after every key of Stowage's own, and before all keys that follow them. */
const AFTER_OWN = `${OWN}\u{10ffff}`;

/**
 * List one page of objects.
 *
 * The cursor is the last key that was read, not S3's token, so it stays valid when objects come and go. Tokens are used
 * only when a page is empty and more follow, as after many delete markers. Objects whose names are not valid keys
 * (folder markers such as `a/`) are left out.
 */
export async function listObjects(
  store: S3Store,
  prefix: string,
  { signal, cursor, limit = PAGE_OBJECTS }: ListOptions = {},
): Promise<ListPage> {
  const hidesOwn = OWN.startsWith(prefix) && prefix !== OWN;
  const count = Math.max(1, Math.min(limit, PAGE_OBJECTS));
  let from: From = { after: cursor ?? null, token: null };
  for (;;) {
    const page = await readPage(store, prefix, from, count, signal);
    const objects = page.entries
      .filter(({ name }) => !(hidesOwn && name.startsWith(OWN)))
      .flatMap(({ name, ...facts }): StoredObject[] => {
        const key = store.keys.find(store.keys.inBucket(name));
        return key === null ? [] : [{ key, ...facts }];
      });
    const next = cursorAfter(page.entries, hidesOwn);
    if (page.token === null) return { objects, next: null };
    if (objects.length > 0 && next !== null) return { objects, next };
    // Read on, because a caller might take an empty page for the end.
    if (page.token === from.token) throw unexpectedResponse("it repeats a page of its listing");
    from = next === null ? { ...from, token: page.token } : { after: next, token: null };
  }
}

/** Where the next page begins; `null` if this one is empty. Skips the rest of hidden objects. */
function cursorAfter(entries: readonly Entry[], hidesOwn: boolean): string | null {
  const last = entries.at(-1)?.name ?? null;
  return hidesOwn && last?.startsWith(OWN) === true ? AFTER_OWN : last;
}

/** Where a page begins: after a key, and at a token if there is one. */
interface From {
  readonly after: string | null;
  readonly token: string | null;
}

/** An object in the bucket. `name` is its key without our prefix. */
interface Entry extends Omit<StoredObject, "key"> {
  readonly name: string;
}

/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html */
async function readPage(
  { client, keys }: S3Store,
  prefix: string,
  { after, token }: From,
  count: number,
  signal: AbortSignal | undefined,
): Promise<{ readonly entries: readonly Entry[]; readonly token: string | null }> {
  const page = await client.sendForXml({
    action: "ListObjectsV2",
    method: "GET",
    query: [
      ["list-type", "2"],
      ["encoding-type", "url"],
      ["max-keys", String(count)],
      ["prefix", keys.inBucket(prefix)],
      ...beginningOf(after === null ? null : keys.inBucket(after), token),
    ],
    signal,
  });
  assertRoot(page, "ListBucketResult");
  const read = keyReader(page);
  const entries = childrenOf(page, "Contents").map((entry): Entry => {
    const objectKey = read(required(entry, "Key"));
    if (!objectKey.startsWith(keys.inBucket(prefix))) {
      throw unexpectedResponse("it lists a key without the requested prefix");
    }
    return {
      name: objectKey.slice(keys.prefix.length),
      sizeBytes: requiredCount(entry, "Size"),
      version: quoteEtag(required(entry, "ETag")),
      modifiedAt: toModifiedAt(required(entry, "LastModified")),
    };
  });
  const first = entries[0]?.name;
  if (after !== null && first !== undefined && compareUtf8(first, after) <= 0) {
    throw unexpectedResponse("it repeats a page of its listing");
  }
  if (required(page, "IsTruncated") !== "true") return { entries, token: null };
  return { entries, token: required(page, "NextContinuationToken") };
}

function beginningOf(after: string | null, token: string | null): (readonly [string, string])[] {
  if (token !== null) return [["continuation-token", token]];
  return after === null ? [] : [["start-after", after]];
}
