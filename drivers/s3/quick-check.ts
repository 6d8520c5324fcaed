import {
  type CallOptions,
  type DriverCheck,
  isAbort,
  STORAGE_IDENTITY_KEY,
} from "../../src/driver.ts";
import { headObject } from "./head.ts";
import type { S3Store } from "./store.ts";

/**
 * Check with one HEAD whether a storage that was healthy still responds. A full probe every 30 seconds would
 * leave thousands of versions a day in a versioned bucket.
 *
 * @returns `null` if a full probe is needed: the identity is gone, and the bucket's content may be, too.
 */
export async function quickCheck(
  store: S3Store,
  options: CallOptions,
): Promise<DriverCheck | null> {
  try {
    if ((await headObject(store, STORAGE_IDENTITY_KEY, options)) === null) return null;
    return { healthy: true, steps: [{ name: "read", ok: true }] };
  } catch (error) {
    if (isAbort(error)) throw error;
    return { healthy: false, steps: [{ name: "read", ok: false, error }] };
  }
}
