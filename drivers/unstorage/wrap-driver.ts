import {
  type Body,
  bodySize,
  compareUtf8,
  type DeleteOutcome,
  type DriverContext,
  type DriverLimits,
  isStowageError,
  type ListPage,
  type ObjectKey,
  OWN_FOLDER,
  probeDriver,
  readBody,
  type StorageDriver,
  StowageError,
  streamBytes,
  throwIfAborted,
} from "../../src/driver.ts";
import { ItemNames } from "./item-names.ts";
import { Items, type Wait } from "./items.ts";
import { toStoredObject } from "./manifest.ts";
import { keyTaken, Objects } from "./objects.ts";
import type { Bounds } from "./options.ts";
import type { UnstorageDriver } from "./unstorage-driver.ts";

const PAGE_OBJECTS = 1000;
/** Calls to the backend at once, where many objects are asked for or deleted. */
const PARALLEL_CALLS = 16;
const FIRST_BUFFER_BYTES = 64 * 1024;

/** The verbs of a storage, over a driver of unstorage that is the storage's from now on. */
export function wrapDriver(
  inner: UnstorageDriver,
  { prefix, maxBytes, timeoutMs }: Bounds,
  context: DriverContext,
): Omit<StorageDriver, "name"> {
  const items = new Items(inner);
  const objects = new Objects(items, new ItemNames(prefix), context);
  const waitOf = (signal?: AbortSignal) => ({ timeoutMs, signal });
  const driver: Omit<StorageDriver, "name"> = {
    limits: limitsFor(maxBytes),

    async put(key, body, { signal, ifNoneMatch } = {}) {
      const exclusive = ifNoneMatch !== undefined;
      const wait = waitOf(signal);
      if (exclusive && (await objects.find(key, wait)) !== null) throw keyTaken();
      const bytes = await collect(body, maxBytes, signal);
      return await objects.store(key, bytes, { exclusive, wait });
    },

    async get(key, { signal, range, ifMatch } = {}) {
      const { manifest, bytes } = await objects.read(key, ifMatch, waitOf(signal));
      const wanted = range ?? { start: 0, end: manifest.sizeBytes };
      return {
        object: toStoredObject(key, manifest),
        range: wanted,
        stream: streamBytes(bytes.subarray(wanted.start, wanted.end), signal),
      };
    },

    async head(key, { signal } = {}) {
      const manifest = await objects.find(key, waitOf(signal));
      return manifest === null ? null : toStoredObject(key, manifest);
    },

    async delete(keys, { signal } = {}) {
      return await deleteObjects(objects, keys, waitOf(signal));
    },

    async list(prefix, { signal, cursor = "", limit = PAGE_OBJECTS } = {}) {
      const page = { after: cursor, count: Math.min(limit, PAGE_OBJECTS) };
      return await listObjects(objects, prefix, page, waitOf(signal));
    },

    check: (options) => probeDriver(driver, context.random, options),

    leftovers: {
      async remove(which, { signal } = {}) {
        const wait = waitOf(signal);
        if ("before" in which) {
          return await objects.removeUnfinished("", (_, madeAt) => madeAt < which.before, wait);
        }
        if ("key" in which) {
          return await objects.removeUnfinished(which.key, (key) => key === which.key, wait);
        }
        const prefix = `${which.folder}/`;
        const isInside = (key: ObjectKey) => !key.slice(prefix.length).includes("/");
        return await objects.removeUnfinished(prefix, isInside, wait);
      },
    },

    dispose: () => items.dispose({ timeoutMs }),
  };
  return driver;
}

async function deleteObjects(
  objects: Objects,
  keys: readonly ObjectKey[],
  wait: Wait,
): Promise<DeleteOutcome> {
  throwIfAborted(wait.signal);
  const failures: { key: ObjectKey; error: unknown }[] = [];
  let silence: unknown = null;
  await inParallel(keys, async (key) => {
    try {
      // A driver that does not answer is not waited for again for each key.
      if (silence !== null) throw silence;
      await objects.remove(key, wait);
    } catch (error) {
      throwIfAborted(wait.signal);
      if (isStowageError(error, "storage_timeout")) silence = error;
      failures.push({ key, error });
    }
  });
  return { failures };
}

async function listObjects(
  objects: Objects,
  prefix: string,
  { after, count }: { readonly after: string; readonly count: number },
  wait: Wait,
): Promise<ListPage> {
  throwIfAborted(wait.signal);
  const own = `${OWN_FOLDER}/`;
  const keys = (await objects.keys(prefix, wait))
    .filter((key) => compareUtf8(key, after) > 0)
    .filter((key) => prefix.startsWith(own) || !key.startsWith(own))
    .sort(compareUtf8);
  const page = keys.slice(0, count);
  const found = await inParallel(page, async (key) => {
    const manifest = await objects.find(key, wait);
    return manifest === null ? [] : [toStoredObject(key, manifest)];
  });
  return {
    objects: found.flat(),
    next: keys.length > page.length ? (page.at(-1) ?? null) : null,
  };
}

function limitsFor(maxBytes: number): DriverLimits {
  return Object.freeze({
    maxObjectBytes: maxBytes,
    maxKeyBytes: 1024,
    maxSegmentBytes: null,
    maxDeleteKeys: 1000,
    needsKnownLength: false,
    atomicIfNoneMatch: false,
    listOrder: "bytes",
    parts: null,
  });
}

/** The whole body, in an array of its own. */
async function collect(
  body: Body,
  maxBytes: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const announced = bodySize(body);
  if (announced !== undefined && announced > maxBytes) throw tooLarge(maxBytes);
  let held = new Uint8Array(announced ?? FIRST_BUFFER_BYTES);
  let length = 0;
  for await (const chunk of readBody(body, signal)) {
    const needed = length + chunk.byteLength;
    if (needed > maxBytes) throw tooLarge(maxBytes);
    if (needed > held.byteLength) {
      const larger = new Uint8Array(Math.min(maxBytes, Math.max(needed, 2 * held.byteLength)));
      larger.set(held.subarray(0, length));
      held = larger;
    }
    held.set(chunk, length);
    length = needed;
  }
  return length === held.byteLength ? held : held.slice(0, length);
}

function tooLarge(limitBytes: number): StowageError {
  return new StowageError(
    "upload_too_large",
    `Cannot store object: it exceeds ${limitBytes} bytes, which unstorage holds in memory (max_bytes)`,
    { data: { limitBytes } },
  );
}

/** After the first failure nothing more is begun. */
async function inParallel<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results = new Array<Result>(items.length);
  const queue = items.entries();
  let failed = false;
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) {
      if (failed) return;
      try {
        results[index] = await work(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_CALLS }, worker));
  return results;
}
