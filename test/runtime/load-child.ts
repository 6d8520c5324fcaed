import memory from "../../drivers/memory.ts";
import { ConfigError } from "../../src/config.ts";
import { isStowageError, StowageError } from "../../src/driver.ts";
import { loadDrivers } from "../../src/runtime/modules/load-drivers.ts";
import { testDriverContext } from "../support/driver-context.ts";

// In a process of its own: in vitest's, imports are resolved by Vite.
const [folder = "", ...modules] = process.argv.slice(2);

/** Every driver that was loaded, opened with an option that it refuses. */
async function loaded() {
  const drivers = await loadDrivers(modules, folder, [memory]);
  return await Promise.all(
    drivers.slice(1).map(async ({ name, open }) => {
      const error: unknown = await open({ wrong: 1 }, testDriverContext()).catch(
        (reason) => reason,
      );
      const code = isStowageError(error) ? error.code : null;
      return { name, code, isOurs: error instanceof StowageError };
    }),
  );
}

const result = await loaded().then(
  (drivers) => ({ drivers }),
  (error) => ({ problems: error instanceof ConfigError ? error.problems : String(error) }),
);
process.stdout.write(JSON.stringify(result));
