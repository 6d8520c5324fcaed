import { z } from "zod";
import type { Reader } from "./readers.ts";

/** `./acme.ts`, `../acme.ts`, `/opt/acme.js`, `C:\acme.js`. */
const PATH = /^(?:\.{0,2}[/\\]|[A-Za-z]:[/\\])./;
/** Without a host: a network share is refused. */
const FILE_URL = /^file:\/\/\/[^/]/i;
/** A package, or a module of one: `stowage-driver-acme`, `@acme/drivers/tape`. */
const PACKAGE = /^(?:@[a-z0-9~-][\w.~-]*\/)?[a-z0-9~-][\w.~-]*(?:\/[^/\\:]+)*$/i;

/** Modules to load: package names or files. Nothing is fetched over the network. */
export const moduleNames: Reader<readonly string[]> = {
  schema: z
    .string()
    .transform((text) => text.split(",").map((name) => name.trim()))
    .transform((names) => [...new Set(names.filter((name) => name !== ""))])
    .pipe(z.array(z.string().refine(isModuleName))),
  expected:
    "package names or file paths (./acme.ts, /opt/acme.js, file:///opt/acme.js), separated by commas",
  hint: (text) =>
    /(?:^|,)\s*(?!file:)[a-z][a-z0-9+.-]+:/i.test(text)
      ? "modules installed on this machine: nothing is loaded over the network"
      : null,
};

/** Whether a module is named by its file. */
export function isModulePath(name: string): boolean {
  return PATH.test(name) || FILE_URL.test(name);
}

/** Whether a name is valid in the settings: nothing else is ever loaded. */
export function isModuleName(name: string): boolean {
  return isModulePath(name) || PACKAGE.test(name);
}
