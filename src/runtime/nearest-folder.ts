import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** The nearest folder above `path` that exists. */
export function nearestFolder(path: string): string {
  const above = dirname(resolve(path));
  return existsSync(above) || above === dirname(above) ? above : nearestFolder(above);
}
