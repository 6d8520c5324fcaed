import { z } from "zod";
import type { Reader } from "./readers.ts";

/** `./acme.ts`, `../acme.ts`, `/opt/acme.js`, `C:\acme.js`. */
const PATH = /^(?:\.{0,2}[/\\]|[A-Za-z]:[/\\])./;
/** With no host: a share on another machine is a network too. */
const FILE_URL = /^file:\/\/\/[^/]/i;
/** A package, or a module of one: `stowage-driver-acme`, `@acme/drivers/tape`. */
const PACKAGE = /^(?:@[a-z0-9~-][\w.~-]*\/)?[a-z0-9~-][\w.~-]*(?:\/[^/\\:]+)*$/i;

/** Modules to load: packages by their names, or files. Nothing is ever fetched over the network. */
export const moduleNames: Reader<readonly string[]> = {
  schema: z
    .string()
    .transform((text) => text.split(",").map((name) => name.trim()))
    .transform((names) => [...new Set(names.filter((name) => name !== ""))])
    .pipe(z.array(z.string().refine(isModuleName))),
  expected:
    "names of packages or paths of files (./acme.ts, /opt/acme.js, file:///opt/acme.js), separated by commas",
  explain: (text) =>
    /(?:^|,)\s*(?!file:)[a-z][a-z0-9+.-]+:/i.test(text)
      ? "modules that are installed here: nothing is loaded over the network"
      : null,
};

/** Whether a module is named by where its file lies. */
export function isModulePath(name: string): boolean {
  return PATH.test(name) || FILE_URL.test(name);
}

/** Whether a module is named as the settings name one: nothing else is ever loaded. */
export function isModuleName(name: string): boolean {
  return isModulePath(name) || PACKAGE.test(name);
}
