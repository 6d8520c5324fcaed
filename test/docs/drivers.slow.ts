import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { manifestOf, project } from "./project.ts";

const run = promisify(execFile);
const DOCUMENT = "docs/drivers.md";
const NODE_TEST = 'import { test } from "node:test";';

/** The driver of docs/drivers.md and its test, written for a runner as its first line says. */
function testedBy(firstLine: string, ...libraries: string[]): string {
  const folder = project(DOCUMENT, ...libraries);
  const file = join(folder, "shelf.test.ts");
  const text = readFileSync(file, "utf8");
  expect(text).toContain(NODE_TEST);
  writeFileSync(file, text.replace(/^import .* from "node:test";.*$/m, firstLine));
  return folder;
}

test("the driver of docs/drivers.md passes the kit under node:test", async () => {
  const { stdout } = await run(process.execPath, ["--test"], { cwd: testedBy(NODE_TEST) });
  expect(stdout).toMatch(/^(?:#|ℹ) pass 3\d$/m);
  expect(stdout).toMatch(/^(?:#|ℹ) fail 0$/m);
});

test("the driver of docs/drivers.md passes the kit under vitest", async () => {
  const cwd = testedBy('import { test } from "vitest";', "vitest");
  const vitest = resolve("node_modules/vitest/vitest.mjs");
  const { stdout } = await run(process.execPath, [vitest, "run", "--no-color"], { cwd });
  expect(stdout).toMatch(/Tests {2}3\d passed \(3\d\)/);
});

test("the driver of docs/drivers.md passes the kit under Deno.test", async () => {
  // Deno looks for what a linked package needs where the link is.
  const { dependencies } = JSON.parse(readFileSync("package.json", "utf8"));
  const cwd = testedBy("const { test } = Deno;", ...Object.keys(dependencies));
  writeFileSync(join(cwd, "deno.json"), '{ "nodeModulesDir": "manual" }');
  const args = ["test", "--no-check", "--allow-all", "shelf.test.ts"];
  const env = { ...process.env, NO_COLOR: "1" };
  const { stdout } = await run(resolve("node_modules/.bin/deno"), args, { cwd, env });
  expect(stdout).toMatch(/ok \| 3\d passed \| 0 failed/);
});

test("the TypeScript of docs/drivers.md compiles as strict as it gets, and to what the manifest names", async () => {
  const folder = testedBy(NODE_TEST, "@types/node", "undici-types");
  const { compilerOptions } = JSON.parse(readFileSync("tsconfig.base.json", "utf8"));
  const options = {
    ...compilerOptions,
    types: ["node"],
    lib: ["ES2024"],
    noEmit: false,
    declaration: true,
    outDir: "dist",
    rewriteRelativeImportExtensions: true,
  };
  const tsconfig = { compilerOptions: options, include: ["*.ts"] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(tsconfig));
  await expect(compile(folder)).resolves.toBe("");
  const manifest = manifestOf(DOCUMENT);
  for (const file of Object.values<string>(manifest.exports)) {
    expect(() => readFileSync(join(folder, file)), file).not.toThrow();
  }
  expect(manifest.peerDependencies).toEqual({ stowage: `^${packageVersion()}` });
});

async function compile(folder: string): Promise<string> {
  const compiling = run(resolve("node_modules/.bin/tsc"), [], { cwd: folder });
  return await compiling.then(({ stdout }) => stdout).catch(({ stdout }) => stdout);
}

function packageVersion(): string {
  return JSON.parse(readFileSync("package.json", "utf8")).version;
}
