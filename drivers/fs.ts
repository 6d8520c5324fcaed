import { dirname, join } from "node:path";
import { z } from "zod";
import {
  type Body,
  type DeleteOutcome,
  type DriverLimits,
  defineDriver,
  type GetOptions,
  type ListOptions,
  type ListPage,
  type ObjectKey,
  type ObjectRead,
  type PutOptions,
  probeDriver,
  STORAGE_IDENTITY_KEY,
  type StorageDriver,
  type StoredObject,
  StowageError,
  throwIfAborted,
} from "../src/driver.ts";
import { guard, toStowageError } from "./fs/errors.ts";
import {
  deleteInFolder,
  inParallel,
  keyTaken,
  moveInto,
  openObject,
  removeEmpty,
  statObject,
  toStoredObject,
  toStoredObjects,
} from "./fs/objects.ts";
import { openIdentity } from "./fs/open-identity.ts";
import { readStream } from "./fs/read-stream.ts";
import { DEAD_AFTER_MS, TempFiles } from "./fs/temp-files.ts";
import { type Place, Tree } from "./fs/tree.ts";
import { walkKeys } from "./fs/walk.ts";

/** @see https://man7.org/linux/man-pages/man7/path_resolution.7.html */
const LIMITS: DriverLimits = Object.freeze({
  maxObjectBytes: null,
  // PATH_MAX is 4,096 with the root's own path in it.
  maxKeyBytes: 1024,
  // NAME_MAX of ext4, xfs, btrfs, apfs.
  maxSegmentBytes: 255,
  maxDeleteKeys: 1000,
  needsKnownLength: false,
  atomicIfNoneMatch: true,
  failureIsFinal: true,
  listOrder: "bytes",
  parts: null,
});
const PAGE_OBJECTS = 1000;

/**
 * Stores objects as files below a folder: `local:./storage/uploads`.
 *
 * A put writes to a new file under `.stowage/tmp`, syncs it, renames it into place and syncs the folders. Only the last
 * step can fail with the new object already in place, which is then not guaranteed to stay. A key cannot be a file and a
 * folder at once: with `a` stored, `a/b` fails with `invalid_key`, and vice versa. Content type and metadata are not kept.
 *
 * Once it has read the storage's identity, the driver works only in that storage. While a disk is unmounted or the
 * folder replaced, it fails writes and deletes with `storage_unavailable` until the storage is back.
 */
export default defineDriver({
  name: "local",
  options: z.strictObject({ path: z.string().min(1, "expected the path of a folder") }),
  async create({ path }, context) {
    const tree = await guard(() => Tree.open(path, context.existing === true));
    const temp = new TempFiles(tree, context);
    const driver: Omit<StorageDriver, "name"> = {
      limits: LIMITS,

      put: (key, body, options) => putObject(tree, temp, key, body, options),
      get: (key, options) => getObject(tree, key, options),

      async head(key, { signal } = {}) {
        throwIfAborted(signal);
        const stats = await guard(() => statObject(tree, tree.locate(key)));
        return stats === null ? null : toStoredObject(key, stats);
      },

      async delete(keys, { signal } = {}): Promise<DeleteOutcome> {
        const failures: { key: ObjectKey; error: unknown }[] = [];
        const folders = Map.groupBy(keys, (key) => dirname(join(tree.root, key)));
        return await inStorage(tree, async () => {
          await inParallel(folders, async ([folder, inside]) => {
            throwIfAborted(signal);
            const failed = await deleteInFolder(tree, folder, inside);
            for (const [key, error] of failed) failures.push({ key, error: toStowageError(error) });
          });
          return { failures };
        });
      },

      list: (prefix, options) => listObjects(tree, prefix, options),
      check: (options) => probeDriver(driver, context.random, options),

      leftovers: {
        deadAfterMs: DEAD_AFTER_MS,
        async remove(which, { signal } = {}) {
          throwIfAborted(signal);
          return await inStorage(tree, () => temp.removeLeftovers(which, signal));
        },
      },
    };
    return driver;
  },
});

/** Run `work` only if the folder holds the opened storage, and check that again afterwards. */
async function inStorage<Result>(tree: Tree, work: () => Promise<Result>): Promise<Result> {
  return await guard(async () => {
    await tree.identity.assertSame();
    const result = await work();
    await tree.identity.assertSame();
    return result;
  });
}

async function putObject(
  tree: Tree,
  temp: TempFiles,
  key: ObjectKey,
  body: Body,
  { signal, ifNoneMatch }: PutOptions = {},
): Promise<StoredObject> {
  throwIfAborted(signal);
  const place = tree.locate(key);
  const exclusive = ifNoneMatch !== undefined;
  // Fails early, before the body is read. link(2) decides later.
  if (exclusive && (await guard(() => statObject(tree, place))) !== null) throw keyTaken();
  const file = await temp.write(key, body, signal);
  try {
    await guard(() => moveInto(tree, file.path, place, exclusive));
  } catch (error) {
    await temp.discard(file.path);
    await removeEmpty(tree, place.folder);
    throw error;
  }
  if (exclusive) await temp.discard(file.path);
  await guard(() => tree.durable.settle(place.folder));
  await assertPlaced(tree, temp, place);
  return toStoredObject(key, file.stats);
}

/** Remove a new object, and fail its put, if the disk was swapped in the meantime. */
async function assertPlaced(tree: Tree, temp: TempFiles, place: Place): Promise<void> {
  try {
    await guard(() => tree.identity.assertSame());
  } catch (error) {
    await temp.discard(place.path);
    await removeEmpty(tree, place.folder);
    throw error;
  }
}

async function getObject(
  tree: Tree,
  key: ObjectKey,
  { signal, range, ifMatch }: GetOptions = {},
): Promise<ObjectRead> {
  throwIfAborted(signal);
  const opened =
    key === STORAGE_IDENTITY_KEY
      ? await openIdentity(tree)
      : await guard(() => openObject(tree, tree.locate(key)));
  if (opened === null) {
    throw new StowageError("object_not_found", "Cannot read object: nothing is stored there");
  }
  const object = toStoredObject(key, opened.stats);
  if (signal?.aborted === true || (ifMatch !== undefined && ifMatch !== object.version)) {
    await guard(() => opened.file.close());
    throwIfAborted(signal);
    throw new StowageError("object_changed", "Cannot read object: it has been replaced");
  }
  const wanted = range ?? { start: 0, end: object.sizeBytes };
  return { object, range: wanted, stream: readStream(opened.file, wanted, signal) };
}

async function listObjects(
  tree: Tree,
  prefix: string,
  { signal, cursor = "", limit = PAGE_OBJECTS }: ListOptions = {},
): Promise<ListPage> {
  throwIfAborted(signal);
  const count = Math.min(limit, PAGE_OBJECTS);
  return await inStorage(tree, async () => {
    const keys: ObjectKey[] = [];
    for await (const key of walkKeys(tree, { prefix, after: cursor })) {
      throwIfAborted(signal);
      // One more than requested shows whether there is a next page.
      if (keys.push(key as ObjectKey) > count) break;
    }
    const page = keys.slice(0, count);
    const next = keys.length > count ? (page.at(-1) ?? null) : null;
    return { objects: await toStoredObjects(tree, page), next };
  });
}
