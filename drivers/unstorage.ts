import { type DriverDefinition, defineDriver } from "../src/driver.ts";
import { openBuiltIn } from "./unstorage/open-built-in.ts";
import { boundOptions, unstorageOptions } from "./unstorage/options.ts";
import type { UnstorageDriver } from "./unstorage/unstorage-driver.ts";
import { wrapDriver } from "./unstorage/wrap-driver.ts";

export type { UnstorageDriver } from "./unstorage/unstorage-driver.ts";

/**
 * Objects in any store that unstorage has a driver for: `unstorage:redis/uploads?url=redis://localhost`,
 * `unstorage:fs?base=./x`, or in code `{ driver: redisDriver({ url }), prefix: "uploads" }`; see also
 * {@link fromUnstorage}.
 *
 * It is for small files and modest numbers. unstorage hands over values as a whole, so an object is held in
 * memory while it is written or read, and may have `max_bytes` (16 MiB). It knows no pages either: every
 * page of `list` asks for the names of all items below the folder. Replacing an object is atomic as far as
 * the backend replaces one small item atomically; `ifNoneMatch` is not, and how durable a put is the backend
 * decides: its own `fs` does not fsync, Redis does as its `appendonly` says. Backends whose reads lag
 * behind their writes are none to keep files in. Content type and metadata are not kept.
 *
 * @see https://unstorage.unjs.io/drivers
 */
export default defineDriver({
  name: "unstorage",
  options: unstorageOptions,
  async create({ source, ...bounds }, context) {
    const { timeoutMs } = bounds;
    const inner =
      source.kind === "driver"
        ? source.driver
        : await openBuiltIn(source.name, source.options, { logger: context.logger, timeoutMs });
    return wrapDriver(inner, bounds, context);
  },
});

/**
 * A driver of unstorage under a name of its own, for those that no URI can make: `kv:uploads` is then opened
 * over it, `FILE_STORAGE_PATH` being its prefix. `max_bytes` and `timeout_ms` are its only options.
 *
 * @param make Called once for each storage that is opened; the driver is disposed of with it.
 * @example
 * ```ts
 * import kvDriver from "unstorage/drivers/deno-kv";
 * import { fromUnstorage } from "stowage/drivers/unstorage";
 * import { createStowage } from "stowage/node";
 *
 * const kv = fromUnstorage("kv", () => kvDriver({ openKv: () => Deno.openKv() }));
 * const stowage = await createStowage({ drivers: [kv], env: { FILE_STORAGE_TYPE: "kv" } });
 * ```
 */
export function fromUnstorage(name: string, make: () => UnstorageDriver): DriverDefinition {
  return defineDriver({
    name,
    options: boundOptions,
    create: (bounds, context) => wrapDriver(make(), bounds, context),
  });
}
