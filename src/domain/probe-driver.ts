import { readAtMost, toHex } from "./bytes.ts";
import { isAbort, untrustedStorage } from "./errors.ts";
import { ownKey } from "./object-key.ts";
import type { RandomSource } from "./ports/clock.ts";
import type { CallOptions, DriverCheck, StorageDriver } from "./ports/storage-driver.ts";

type Probed = Pick<StorageDriver, "put" | "get" | "head" | "list" | "delete">;
type Step = DriverCheck["steps"][number];

/**
 * A `check` for any driver: write, read, list and delete a small object under `.stowage/`. All steps are tried, even
 * if writing is refused, so that the result shows exactly what is denied.
 *
 * @throws {StowageError} `request_aborted` only. All other problems are in the result.
 */
export async function probeDriver(
  driver: Probed,
  random: RandomSource,
  options: CallOptions = {},
): Promise<DriverCheck> {
  const bytes = random(new Uint8Array(16));
  const key = ownKey(`probe-${toHex(bytes)}`);
  const steps: Step[] = [];
  const attempt = async (name: Step["name"], work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      steps.push({ name, ok: true });
      return true;
    } catch (error) {
      if (isAbort(error)) throw error;
      steps.push({ name, ok: false, error });
      return false;
    }
  };
  try {
    const written = await attempt("write", async () => {
      await driver.put(key, { kind: "bytes", bytes }, options);
    });
    await attempt("read", async () => {
      if (!written) {
        await driver.head(key, options);
        return;
      }
      const { stream } = await driver.get(key, options);
      const read = await readAtMost(stream, bytes.byteLength);
      if (read === null || toHex(read) !== toHex(bytes)) {
        throw untrustedStorage("it returns different bytes than it stored");
      }
    });
    await attempt("list", async () => {
      const page = await driver.list(key, options);
      if (written && page.objects[0]?.key !== key)
        throw untrustedStorage("it does not list an object that it stores");
    });
    await attempt("delete", async () => await remove(driver, key, options));
  } catch (error) {
    // Without the signal: an aborted probe still cleans up.
    await driver.delete([key]).catch(() => {});
    throw error;
  }
  return { healthy: steps.every((step) => step.ok), steps };
}

async function remove(
  driver: Probed,
  key: ReturnType<typeof ownKey>,
  options: CallOptions,
): Promise<void> {
  const { failures } = await driver.delete([key], options);
  if (failures[0] !== undefined) throw failures[0].error;
  if ((await driver.head(key, options)) !== null)
    throw untrustedStorage("it still has an object that was deleted");
}
