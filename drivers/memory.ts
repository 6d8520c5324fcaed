import { z } from "zod";
import * as stowage from "../src/driver.ts";

const PAGE_OBJECTS = 1000;
const LIMITS: stowage.DriverLimits = Object.freeze({
  maxObjectBytes: null,
  maxKeyBytes: 1024,
  maxSegmentBytes: null,
  maxDeleteKeys: 1000,
  needsKnownLength: false,
  atomicIfNoneMatch: true,
  failureIsFinal: true,
  listOrder: "bytes",
  parts: null,
});

/** Objects in a map that is gone with its process: `memory:`. For tests and demos. */
export default stowage.defineDriver({
  name: "memory",
  options: z.strictObject({}),
  create(_options, { now, random }) {
    type Entry = { readonly object: stowage.StoredObject; readonly bytes: Uint8Array };
    const objects = new Map<stowage.ObjectKey, Entry>();
    let stores = 0;
    const store = (key: stowage.ObjectKey, bytes: Uint8Array): stowage.StoredObject => {
      stores += 1;
      const facts = { sizeBytes: bytes.byteLength, version: `${stores}`, modifiedAt: now() };
      const object = Object.freeze({ key, ...facts });
      objects.set(key, { object, bytes });
      return object;
    };
    const find = (key: stowage.ObjectKey, { signal }: stowage.CallOptions): Entry => {
      stowage.throwIfAborted(signal);
      return objects.get(key) ?? refuse("object_not_found", "nothing is stored there");
    };
    const driver: Omit<stowage.StorageDriver, "name"> = {
      limits: LIMITS,
      async put(key, body, { signal, ifNoneMatch } = {}) {
        const chunks: Uint8Array[] = [];
        for await (const chunk of stowage.readBody(body, signal)) chunks.push(chunk);
        if (ifNoneMatch && objects.has(key)) refuse("object_exists", "its key is taken");
        return store(key, stowage.concatBytes(chunks).slice());
      },
      async get(key, options = {}) {
        const { object, bytes } = find(key, options);
        if (options.ifMatch !== undefined && options.ifMatch !== object.version) {
          refuse("object_changed", "it has been replaced");
        }
        const range = options.range ?? { start: 0, end: object.sizeBytes };
        const held = bytes.subarray(range.start, range.end);
        return { object, range, stream: stowage.streamBytes(held, options.signal) };
      },
      async head(key, { signal } = {}) {
        stowage.throwIfAborted(signal);
        return objects.get(key)?.object ?? null;
      },
      async delete(keys, { signal } = {}) {
        stowage.throwIfAborted(signal);
        for (const key of keys) objects.delete(key);
        return { failures: [] };
      },
      async list(prefix, { signal, cursor = "", limit = PAGE_OBJECTS } = {}) {
        stowage.throwIfAborted(signal);
        const own = `${stowage.OWN_FOLDER}/`;
        const found = [...objects.keys()]
          .filter((key) => key.startsWith(prefix) && stowage.compareUtf8(key, cursor) > 0)
          .filter((key) => prefix.startsWith(own) || !key.startsWith(own))
          .sort(stowage.compareUtf8);
        const page = found.slice(0, limit);
        return {
          objects: page.flatMap((key) => objects.get(key)?.object ?? []),
          next: found.length > limit ? (page.at(-1) ?? null) : null,
        };
      },
      copy: async (from, to, options = {}) => store(to, find(from, options).bytes),
      check: (options) => stowage.probeDriver(driver, random, options),
    };
    return driver;
  },
});

function refuse(code: stowage.ErrorCode, found: string): never {
  throw new stowage.StowageError(code, `Cannot use object: ${found}`);
}
