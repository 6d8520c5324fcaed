/**
 * Puts some objects with the local driver in a process of its own, which can be traced or have no rights.
 * Arguments: the storage's folder, then keys; `--mib=N` in front makes the objects large. Prints one line for each: `stored`, or the error's code.
 */
import { Readable } from "node:stream";
import { parseArgs } from "node:util";
import local from "../../../drivers/fs.ts";
import { type Body, isStowageError, parseObjectKey } from "../../../src/driver.ts";
import { testDriverContext } from "../../support/driver-context.ts";

const { values, positionals } = parseArgs({
  options: { mib: { type: "string" } },
  allowPositionals: true,
});
const [path, ...keys] = positionals;
const chunk = new Uint8Array(1024 * 1024);

/** A large object comes in chunks, so that it is written while it comes. */
function bodyOf(mib: number | null): Body {
  if (mib === null) return { kind: "bytes", bytes: new TextEncoder().encode("new content") };
  return { kind: "once", stream: Readable.from(Array.from({ length: mib }, () => chunk)) };
}

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
  const mib = values.mib === undefined ? null : Number(values.mib);
  const outcomes = await Promise.all(
    keys.map((key) => attempt(() => driver.put(parseObjectKey(key), bodyOf(mib)))),
  );
  process.stdout.write(`${outcomes.join("\n")}\n`);
} catch (error) {
  process.stdout.write(`${isStowageError(error) ? error.code : String(error)}\n`);
}
