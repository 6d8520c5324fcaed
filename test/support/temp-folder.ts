import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** An empty folder that is gone when the test is over. */
export function tempFolder(): string {
  return makeFolder(tmpdir());
}

/** The same in memory where the system has such a place: for many rounds of what does not need a disk. */
export function fastFolder(): string {
  return makeFolder(existsSync("/dev/shm") ? "/dev/shm" : tmpdir());
}

function makeFolder(parent: string): string {
  const folder = mkdtempSync(join(parent, "stowage-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
