/**
 * Puts some objects with the local driver in a process of its own, which can be traced or have no rights.
 * Arguments: the storage's folder, then keys. Prints one line for each: `stored`, or the error's code.
 */
import local from "../../../drivers/fs.ts";
import { isStowageError, parseObjectKey } from "../../../src/driver.ts";
import { testDriverContext } from "../../support/driver-context.ts";

const [path, ...keys] = process.argv.slice(2);

async function attempt(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return "stored";
  } catch (error) {
    return isStowageError(error) ? error.code : String(error);
  }
}

try {
  const driver = await local.open({ path }, testDriverContext());
  const bytes = new TextEncoder().encode("new content");
  const outcomes = await Promise.all(
    keys.map((key) => attempt(() => driver.put(parseObjectKey(key), { kind: "bytes", bytes }))),
  );
  process.stdout.write(`${outcomes.join("\n")}\n`);
} catch (error) {
  process.stdout.write(`${isStowageError(error) ? error.code : String(error)}\n`);
}
