import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { manifestOf, project } from "./project.ts";

const DOCUMENT = "docs/processing.md";

test("the TypeScript of docs/processing.md compiles as strict as it gets, and to what the manifest names", async () => {
  const cwd = project(DOCUMENT, "@types/node", "undici-types");
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
  writeFileSync(join(cwd, "tsconfig.json"), JSON.stringify(tsconfig));
  const compiling = promisify(execFile)(resolve("node_modules/.bin/tsc"), [], { cwd });
  expect(await compiling.then(({ stdout }) => stdout).catch(({ stdout }) => stdout)).toBe("");
  const manifest = manifestOf(DOCUMENT);
  for (const file of Object.values<string>(manifest.exports)) {
    expect(() => readFileSync(join(cwd, file)), file).not.toThrow();
  }
  const { version } = JSON.parse(readFileSync("package.json", "utf8"));
  expect(manifest.peerDependencies).toEqual({ stowage: `^${version}` });
});
