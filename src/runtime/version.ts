import { readFileSync } from "node:fs";

/** The version in the package's own manifest, which lies higher above the built file than the source. */
export function packageVersion(): string {
  for (const up of ["../../package.json", "../../../package.json"]) {
    try {
      const manifest = JSON.parse(readFileSync(new URL(up, import.meta.url), "utf8"));
      if (manifest.name === "stowage") return manifest.version;
    } catch {
      // Not here.
    }
  }
  return "unknown";
}
