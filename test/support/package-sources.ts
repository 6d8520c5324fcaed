import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const { exports } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  exports: Record<string, { readonly default: string } | string>;
};

/** Where the source of each public entry lies: `./driver` → `./src/driver.ts`, from the package's manifest. */
const SOURCES = Object.entries(exports).map(([entry, target]) => {
  const built = typeof target === "string" ? target : target.default;
  return [entry, built.replace(/^\.\/dist\//, "./").replace(/\.js$/, ".ts")] as const;
});

/** The public entries as Vite finds them: for modules that import the package by its name. */
export const PACKAGE_ALIASES = SOURCES.map(([entry, source]) => ({
  find: new RegExp(`^stowage${entry.slice(1)}$`),
  replacement: join(ROOT, source),
}));

/**
 * Put the package, unbuilt, with its command, and libraries of ours into a folder's `node_modules`, so that a process there
 * imports them as someone does who has installed them.
 */
export function installPackage(folder: string, ...libraries: readonly string[]): void {
  const stowage = join(folder, "node_modules", "stowage");
  mkdirSync(stowage, { recursive: true });
  const manifest = { name: "stowage", type: "module", exports: Object.fromEntries(SOURCES) };
  writeFileSync(join(stowage, "package.json"), JSON.stringify(manifest));
  // Links: Node strips no types from what really lies in node_modules.
  for (const part of ["src", "drivers", "processors"]) {
    symlinkSync(join(ROOT, part), join(stowage, part));
  }
  const bin = join(folder, "node_modules", ".bin", "stowage");
  mkdirSync(dirname(bin));
  writeFileSync(bin, `#!/bin/sh\nexec node "${join(ROOT, "src/cli/main.ts")}" "$@"\n`);
  chmodSync(bin, 0o755);
  for (const library of libraries) {
    const link = join(folder, "node_modules", library);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(ROOT, "node_modules", library), link);
  }
}
