import { execFile } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { tempFolder } from "../../support/temp-folder.ts";

const run = promisify(execFile);
const CHILD = resolve("test/runtime/load-child.ts");

/** Files by their paths, in a folder of their own. */
function folderOf(files: Record<string, string | object>): string {
  const folder = tempFolder();
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    const text = typeof content === "string" ? content : JSON.stringify(content);
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

function driver(name: string): string {
  return `defineDriver({ name: "${name}", options: z.strictObject({}), create: () => ({}) })`;
}

const IMPORT = 'import { defineDriver, z } from "stowage/driver";';

function driverModule(name: string): string {
  return `${IMPORT} export default ${driver(name)};`;
}

interface Loaded {
  readonly drivers?: readonly { name: string; code: string; isOurs: boolean }[];
  readonly problems?: readonly { variable: string; read: string; expected: string }[];
}

async function load(folder: string, ...modules: string[]): Promise<Loaded> {
  const { stdout, stderr } = await run(process.execPath, [CHILD, folder, ...modules]);
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

async function namesOf(folder: string, ...modules: string[]): Promise<readonly string[]> {
  const { drivers, problems } = await load(folder, ...modules);
  expect(problems).toBeUndefined();
  return drivers?.map(({ name }) => name) ?? [];
}

async function problemsOf(folder: string, ...modules: string[]): Promise<readonly string[]> {
  const { problems = [] } = await load(folder, ...modules);
  expect(problems.every(({ variable }) => variable === "STOWAGE_DRIVERS")).toBe(true);
  return problems.map(({ read, expected }) => `${read}: ${expected}`);
}

test("loadDrivers() loads files by path and URL, and several drivers from one module", async () => {
  const folder = folderOf({
    "drivers/a.js": driverModule("a"),
    "b.mjs": driverModule("b"),
    "c.mjs": driverModule("c"),
    "list.mjs": `${IMPORT} export default [${driver("d")}, ${driver("e")}];`,
    "old.cjs": `const { defineDriver, z } = require("stowage/driver"); module.exports = ${driver("f")};`,
  });
  const modules = [
    "./drivers/a.js",
    join(folder, "b.mjs"),
    pathToFileURL(join(folder, "c.mjs")).href,
  ];
  expect(await namesOf(folder, ...modules, "./list.mjs", "./old.cjs")).toEqual([
    "a",
    "b",
    "c",
    "d",
    "e",
    "f",
  ]);
});

test("loadDrivers() resolves packages like import: import-only exports, scopes, subpaths", async () => {
  const folder = folderOf({
    "node_modules/stowage-driver-a/package.json": {
      type: "module",
      exports: { import: "./esm.js" },
    },
    "node_modules/stowage-driver-a/esm.js": driverModule("a"),
    "node_modules/@acme/b/package.json": {
      type: "module",
      exports: { ".": "./index.js", "./tape": { import: "./lib/tape.js" } },
    },
    "node_modules/@acme/b/index.js": driverModule("b"),
    "node_modules/@acme/b/lib/tape.js": driverModule("tape"),
    "linked/package.json": { type: "module", main: "main.js" },
    "linked/main.js": driverModule("linked"),
    "app/package.json": {},
  });
  symlinkSync(join(folder, "linked"), join(folder, "node_modules", "linked"));
  const modules = ["stowage-driver-a", "@acme/b", "@acme/b/tape", "linked"];
  // From a folder below, as for any import.
  expect(await namesOf(join(folder, "app"), ...modules)).toEqual(["a", "b", "tape", "linked"]);
});

test("loadDrivers() finds packages beside Stowage that the folder does not have", async () => {
  const folder = folderOf({
    "node_modules/hono/package.json": { type: "module", exports: "./index.js" },
    "node_modules/hono/index.js": driverModule("local-hono"),
  });
  expect(await namesOf(folder, "hono")).toContain("local-hono");
  // Ours is no driver, which could not be known without finding it.
  expect(await problemsOf(tempFolder(), "hono")).toEqual([
    expect.stringContaining("Hono (function)"),
  ]);
});

test("loadDrivers() accepts a driver defined by another copy of Stowage", async () => {
  const folder = folderOf({
    "copy/package.json": { type: "module", exports: { "./driver": "./src/driver.ts" } },
    "acme.mjs": driverModule("acme"),
  });
  cpSync("src/driver.ts", join(folder, "copy/src/driver.ts"));
  cpSync("src/domain", join(folder, "copy/src/domain"), { recursive: true });
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(join(folder, "copy"), join(folder, "node_modules/stowage"));
  symlinkSync(resolve("node_modules/zod"), join(folder, "node_modules/zod"));
  const { drivers } = await load(folder, "./acme.mjs");
  expect(drivers).toEqual([{ name: "acme", code: "storage_misconfigured", isOurs: false }]);
});

test("loadDrivers() reports every module that cannot be used, and what to do", async () => {
  const folder = folderOf({
    "throws.mjs": 'throw new TypeError("no such bucket\\nsecond line")',
    "imports.mjs": 'import "not-installed-at-all"',
    "syntax.mjs": "export default {",
    "no-driver.mjs": "export const acme = 1; export default { name: 'acme', open() {} }",
    "empty.mjs": "export default []",
    "nothing.mjs": "",
    "memory.mjs": driverModule("memory"),
    "twin-1.mjs": driverModule("twin"),
    "twin-2.mjs": driverModule("twin"),
    "newer.mjs": `export default { name: "newer", open() {}, [Symbol.for("stowage.driver")]: 2 }`,
    "node_modules/unimportable/package.json": { exports: { require: "./index.cjs" } },
    "drivers/acme.js": driverModule("acme"),
  });
  const problems = await problemsOf(
    ...[folder, "stowage-driver-acme", "@acme/tape/fast", "./missing.mjs", "drivers/acme.js"],
    ...["unimportable", "./throws.mjs", "./imports.mjs", "./syntax.mjs", "./no-driver.mjs"],
    ...["./empty.mjs", "./nothing.mjs", "./memory.mjs", "./twin-1.mjs", "./twin-2.mjs"],
    "./newer.mjs",
  );
  const expected = [
    `"stowage-driver-acme": an installed package; not found from ${folder} upwards or beside Stowage (npm install stowage-driver-acme)`,
    `(npm install @acme/tape)`,
    `"./missing.mjs": the path of a file; not found at ${folder}/missing.mjs`,
    `"drivers/acme.js": ./drivers/acme.js, if you mean the file`,
    `"unimportable": a package that can be imported; Error: No "exports" main defined`,
    `"./throws.mjs": a module that loads; it fails with TypeError: no such bucket`,
    `Cannot find package 'not-installed-at-all' imported from ${folder}/imports.mjs`,
    `"./syntax.mjs": a module that loads; it fails with SyntaxError: `,
    `"./no-driver.mjs": a default export made by defineDriver, or an array of them; it exports acme (number), default (object)`,
    `it exports default (array)`,
    `it exports nothing`,
    `"./memory.mjs": a driver with a unique name; "memory" is taken`,
    `"./twin-2.mjs": a driver with a unique name; "twin" is taken by "./twin-1.mjs"`,
    `"./newer.mjs": a driver for version 1 of the driver port; it is made for version 2 (install`,
  ];
  expect(problems).toEqual(expected.map((text) => expect.stringContaining(text)));
  expect(problems.join()).not.toContain("\n");
});
