import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { readCatalogue } from "../../../src/adapters/extractor/catalogue.ts";
import { DEFAULT_LIMITS } from "../../../src/adapters/extractor/limits.ts";
import { ConfigError } from "../../../src/config.ts";
import { SILENT } from "../../../src/domain/ports/logger.ts";
import { nodeExtractCommand } from "../../../src/runtime/extraction/extract-command.ts";
import { nodeHost } from "../../../src/runtime/host-node.ts";
import {
  type LoadedProcessors,
  loadProcessors,
} from "../../../src/runtime/modules/load-processors.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const KNOWN = [{ name: "text", version: "1", accepts: ["text/plain"] }];

/** Files by their paths, in a folder of their own. */
function folderOf(files: Record<string, string>): string {
  const folder = tempFolder();
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

const IMPORT = 'import { defineProcessor } from "stowage/processor";';

function processor(name: string, accepts = "text/*"): string {
  return `defineProcessor({ name: "${name}", version: "1", accepts: ["${accepts}"], process: async () => ({ output: {} }) })`;
}

function processorModule(name: string): string {
  return `${IMPORT} export default ${processor(name)};`;
}

/** @param asked Learns what each process was started with. */
async function load(
  folder: string,
  names: readonly string[],
  asked: (readonly string[])[] = [],
): Promise<LoadedProcessors> {
  const modules = names.map((name) => ({ name, variable: "STOWAGE_PROCESSORS" }));
  return await loadProcessors(modules, folder, KNOWN, async (urls) => {
    asked.push(urls);
    const command = nodeExtractCommand({ modules: urls });
    const options = { host: nodeHost, limits: DEFAULT_LIMITS, logger: SILENT, clock: Date };
    return (await readCatalogue({ ...options, command })).modules;
  });
}

async function problemsOf(folder: string, ...names: string[]): Promise<readonly string[]> {
  const error: unknown = await load(folder, names).catch((reason) => reason);
  if (!(error instanceof ConfigError)) throw error;
  expect(error.problems.every(({ variable }) => variable === "STOWAGE_PROCESSORS")).toBe(true);
  return error.problems.map(({ read, expected }) => `${read}: ${expected}`);
}

test("loadProcessors() loads packages, paths and URLs, and several processors from one module", async () => {
  const folder = folderOf({
    "a.js": `${IMPORT} export default [${processor("a")}, ${processor("b", "image/png")}];`,
    "ts/c.ts": `${IMPORT} const name: string = "c"; export default ${processor("c")};`,
    "node_modules/stowage-processor-d/package.json": '{ "type": "module", "exports": "./d.js" }',
    "node_modules/stowage-processor-d/d.js": processorModule("d"),
  });
  const url = pathToFileURL(join(folder, "ts/c.ts")).href;
  const asked: (readonly string[])[] = [];
  const names = ["./a.js", url, "stowage-processor-d"];
  const { urls, processors } = await load(folder, names, asked);
  expect(processors).toEqual([
    { name: "a", version: "1", accepts: ["text/*"] },
    { name: "b", version: "1", accepts: ["image/png"] },
    { name: "c", version: "1", accepts: ["text/*"] },
    { name: "d", version: "1", accepts: ["text/*"] },
  ]);
  expect(asked).toEqual([urls]);
  expect(urls[1]).toBe(url);
});

test("loadProcessors() runs no module in this process, and starts no process without modules", async () => {
  const mark = "globalThis.seenByStowage = true;";
  const folder = folderOf({ "a.js": `${mark} ${processorModule("a")}` });
  await load(folder, ["./a.js"]);
  expect(globalThis).not.toHaveProperty("seenByStowage");
  const asked: (readonly string[])[] = [];
  expect(await load(folder, [], asked)).toEqual({ urls: [], processors: [] });
  expect(asked).toEqual([]);
});

test("loadProcessors() reports every module that cannot be used, and what to do", async () => {
  const folder = folderOf({
    "throws.mjs": 'throw new TypeError("no model\\nsecond line")',
    "imports.mjs": 'import "not-installed-at-all"',
    "no-processor.mjs": "export const acme = 1; export default { name: 'acme', process() {} }",
    "nothing.mjs": "",
    "text.mjs": processorModule("text"),
    "twin-1.mjs": processorModule("twin"),
    "twin-2.mjs": processorModule("twin"),
    "bad.mjs": `${IMPORT} export default defineProcessor({ name: "B", version: "", accepts: ["Text/HTML"], process: 1 });`,
    "newer.mjs": `export default { [Symbol.for("stowage.processor")]: 2 }`,
    "forged.mjs": `export default { name: "f", version: "1", accepts: "*/*", [Symbol.for("stowage.processor")]: 1 }`,
    "spawns.mjs": `import { spawnSync } from "node:child_process"; spawnSync("true"); ${processorModule("s")}`,
  });
  const problems = await problemsOf(
    ...[folder, "stowage-processor-acme", "./missing.mjs", "./throws.mjs", "./imports.mjs"],
    ...["./no-processor.mjs", "./nothing.mjs", "./text.mjs", "./twin-1.mjs", "./twin-2.mjs"],
    ...["./bad.mjs", "./newer.mjs", "./forged.mjs", "./spawns.mjs", "https://a.example/p.js"],
  );
  const expected = [
    `"stowage-processor-acme": an installed package; not found from ${folder} upwards or beside Stowage (npm install stowage-processor-acme)`,
    `"./missing.mjs": the path of a file; not found at ${folder}/missing.mjs`,
    `"./throws.mjs": a module that loads; it fails with TypeError: no model`,
    `Cannot find package 'not-installed-at-all' imported from ${folder}/imports.mjs`,
    `"./no-processor.mjs": a default export made by defineProcessor, or an array of them; it exports acme (number), default (object)`,
    `"./nothing.mjs": a default export made by defineProcessor, or an array of them; it exports nothing`,
    `"./text.mjs": a processor with a unique name; "text" is taken`,
    `"./twin-2.mjs": a processor with a unique name; "twin" is taken by "./twin-1.mjs"`,
    `"./bad.mjs": a module that loads; it fails with StowageError: Cannot define processor: its name must be 1 to 40 of a-z 0-9 -, found "B"; its version must be 1 to 40 of A-Z a-z 0-9 . _ + -, found ""; its media types must be valid and in lower case, found "Text/HTML"; it needs a function process`,
    `"./newer.mjs": a processor for version 1 of the processor port; it is made for version 2 (install`,
    `"./forged.mjs": processors that this release supports; it must accept at least one media type`,
    `"./spawns.mjs": a module that loads; it fails with Error: Access to this API has been restricted`,
    `"https://a.example/p.js": the name of a package, or the path or URL of a file`,
  ];
  expect(problems).toEqual(expected.map((text) => expect.stringContaining(text)));
  expect(problems.join()).not.toContain("\n");
});

test("loadProcessors() finds out which of several modules ends the process that loads them", async () => {
  const folder = folderOf({
    "good.mjs": processorModule("good"),
    "exits.mjs": "process.exit(3)",
    "waits.mjs": "await new Promise(() => {})",
    "prints.mjs": 'import { writeSync } from "node:fs"; writeSync(1, "Loading…\\n");',
  });
  const problems = await problemsOf(
    folder,
    ...["./good.mjs", "./exits.mjs", "./waits.mjs", "./prints.mjs"],
  );
  const start = "a module that loads; loading it breaks the process";
  expect(problems).toEqual([
    `"./exits.mjs": ${start}: it ended with code 3`,
    `"./waits.mjs": ${start}: it ended with code 13`,
    `"./prints.mjs": ${start}: it violates the protocol`,
  ]);
});

test("loadProcessors() blames no module if processes cannot be started", async () => {
  const folder = folderOf({ "a.mjs": processorModule("a") });
  const modules = [{ name: "./a.mjs", variable: "STOWAGE_PROCESSORS" }];
  const options = { host: nodeHost, limits: DEFAULT_LIMITS, logger: SILENT, clock: Date };
  const loading = loadProcessors(modules, folder, KNOWN, async () => {
    return (await readCatalogue({ ...options, command: ["false"] })).modules;
  });
  await expect(loading).rejects.toMatchObject({ code: "extractor_unavailable" });
});
