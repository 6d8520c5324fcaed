import { isBuiltin } from "node:module";
import { posix } from "node:path";

const STATEMENT = /^\s*(?:import|export|\})\s(?:[^"';]*?\sfrom\s*)?["']([^"']+)["']/gm;
const CALL = /\bimport\(\s*["']([^"']+)["']/g;

/** The modules that a compiled file names; examples in its comments are none. */
export function importsOf(text: string): string[] {
  const code = text.replaceAll(/^\s*(?:\*|\/\/|\/\*).*$/gm, "");
  return [...code.matchAll(STATEMENT), ...code.matchAll(CALL)].map((match) => match[1] ?? "");
}

/**
 * What is wrong with a file's imports: relative ones lead to no file of the package, others to a library
 * that is not among `libraries`.
 */
export function brokenImports(
  path: string,
  text: string,
  files: { has(path: string): boolean },
  libraries: readonly string[],
): string[] {
  return importsOf(text).filter((target) => {
    if (isBuiltin(target)) return false;
    if (!target.startsWith(".")) {
      return !libraries.includes(/^(?:@[^/]+\/)?[^/]+/.exec(target)?.[0] ?? "");
    }
    const file = posix.join(posix.dirname(path), target);
    // Types name the sources they were made of.
    return !files.has(path.endsWith(".d.ts") ? file.replace(/\.[tj]s$/, ".d.ts") : file);
  });
}
