import {
  type CallOptions,
  type DriverCheck,
  isAbort,
  STORAGE_IDENTITY_KEY,
} from "../../../src/driver.ts";
import { headObject } from "../head.ts";
import type { S3Store } from "../store.ts";

/**
 * Whether a storage that was healthy still answers, with one HEAD: a probe of everything, every half a minute,
 * would leave thousands of versions a day in a versioned bucket.
 *
 * @returns `null` where that does not tell: the identity is gone, and with it perhaps the bucket's content.
 */
export async function stillAnswers(
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
