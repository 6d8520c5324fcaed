import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";

/**
 * Whether tests can run that need something of this machine. Where they cannot, a line says what is missing; with
 * `STOWAGE_SKIP_NOTHING` set, as `.ci/run` does, that is a failure: no one would see that a proof is not made.
 */
export function canRun(possible: boolean, missing: string): boolean {
  if (possible) return true;
  if (process.env["STOWAGE_SKIP_NOTHING"]) throw new Error(`Tests cannot run: ${missing}`);
  process.stderr.write(`Skipped tests: ${missing}\n`);
  return false;
}

/** Whether all `programs` are on the PATH; else as {@link canRun}. @param install How to get them. */
export function hasPrograms(programs: readonly string[], install: string): boolean {
  const missing = programs.filter((name) => pathOf(name) === null);
  return canRun(missing.length === 0, `${missing.join(", ")} not found (${install})`);
}

/** The first of `names` that is on the PATH; `null` where none is, else as {@link canRun}. */
export function findProgram(names: readonly string[], install: string): string | null {
  const found = names.map(pathOf).find((path) => path !== null) ?? null;
  canRun(found !== null, `${names.join(", ")} not found (${install})`);
  return found;
}

/** A browser that runs without a screen, driven by Chromium's flags. */
export function findBrowser(): string | null {
  const names = ["chromium-headless-shell", "chromium", "google-chrome"];
  return findProgram(names, "apt-get install chromium-headless-shell");
}

function pathOf(program: string): string | null {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Perhaps in the next one.
    }
  }
  return null;
}
