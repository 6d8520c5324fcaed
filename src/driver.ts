/**
 * Everything a storage driver may import.
 *
 * @module stowage/driver
 */
import type { z } from "zod";
import { StowageError } from "./domain/errors.ts";
import { DRIVER_MARK } from "./domain/port-mark.ts";
import type {
  DriverContext,
  DriverDefinition,
  StorageDriver,
} from "./domain/ports/storage-driver.ts";

/** For option schemas, so that a driver needs no zod of its own. */
export { z } from "zod";
export type { ByteRange } from "./domain/byte-range.ts";
export {
  type Body,
  type ByteStream,
  bodySize,
  concatBytes,
  openBody,
  readAtMost,
  toHex,
} from "./domain/bytes.ts";
export { abortedError, throwIfAborted } from "./domain/cancellation.ts";
export { delay, type WaitOptions, waitFor } from "./domain/delay.ts";
export { type ErrorCode, isAbort, isStowageError, StowageError } from "./domain/errors.ts";
export { type ObjectKey, OWN_FOLDER, ownKey, parseObjectKey } from "./domain/object-key.ts";
export { percentEncode } from "./domain/percent.ts";
export type { Hash, Hasher } from "./domain/ports/hasher.ts";
export type { Host } from "./domain/ports/host.ts";
export type { Logger } from "./domain/ports/logger.ts";
export type * from "./domain/ports/storage-driver.ts";
export { probeDriver } from "./domain/probe-driver.ts";
export { readBody } from "./domain/read-body.ts";
export { Semaphore } from "./domain/semaphore.ts";
export {
  parseStorageIdentity,
  STORAGE_IDENTITY_KEY,
  STORAGE_IDENTITY_MAX_BYTES,
} from "./domain/storage-identity.ts";
export { streamBytes } from "./domain/stream-bytes.ts";
export { compareUtf8 } from "./domain/utf8-order.ts";

export interface DriverSpecification<Options> {
  /** Lower-case letters, digits, `+ . -`; begins with a letter (RFC 3986, 3.1). */
  readonly name: string;
  /** Validates and completes the options of the URI or the code. */
  readonly options: z.ZodType<Options>;
  /** Create the driver. Open connections with the first call, not here. `defineDriver` adds `name`. */
  create(
    options: Options,
    context: DriverContext,
  ): Omit<StorageDriver, "name"> | Promise<Omit<StorageDriver, "name">>;
}

const DRIVER_NAME = /^[a-z][a-z0-9+.-]*$/;

/**
 * Define a driver.
 *
 * @example
 * ```ts
 * export default defineDriver({
 *   name: "memory",
 *   options: z.strictObject({}),
 *   create: () => ({ limits, put, get, head, delete, list, check }),
 * });
 * ```
 */
export function defineDriver<Options>(
  specification: DriverSpecification<Options>,
): DriverDefinition {
  const { name, options: schema, create } = specification;
  if (!DRIVER_NAME.test(name)) {
    throw new StowageError("invalid_config", `Cannot define driver: "${name}" is not a URI scheme`);
  }
  return DRIVER_MARK.stamp({
    name,
    async open(options: unknown, context: DriverContext): Promise<StorageDriver> {
      const parsed = schema.safeParse(options);
      if (!parsed.success) throw misconfigured(name, parsed.error);
      const driver = await create(parsed.data, context);
      // Assigned in place, because a copy would lose a class's methods and private fields.
      return Object.freeze(Object.assign(driver, { name }));
    },
  });
}

function misconfigured(name: string, error: z.ZodError): StowageError {
  const problems = error.issues.map((issue) => {
    const where = issue.path.join(".");
    return where === "" ? issue.message : `${where}: ${issue.message}`;
  });
  return new StowageError(
    "storage_misconfigured",
    `Cannot open ${name} storage: ${problems.join("; ")}`,
  );
}
