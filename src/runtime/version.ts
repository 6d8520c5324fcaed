import { readFileSync } from "node:fs";

/** The version in Stowage's package.json. The built file is one folder deeper than the source. */
export function packageVersion(): string {
  for (const up of ["../../package.json", "../../../package.json"]) {
    try {
      const manifest = JSON.parse(readFileSync(new URL(up, import.meta.url), "utf8"));
      if (manifest.name === "stowage") return manifest.version;
    } catch {
      // Try the next folder.
    }
  }
  return "unknown";
}
