import { execFile } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { createStowage, SILENT } from "../../src/node.ts";
import { defineProcessor } from "../../src/processor.ts";
import { serve, upload } from "../examples/resumes.ts";
import { tempFolder } from "../support/temp-folder.ts";

/** Tells what a module sees of this world. */
const SPY = `import { readFileSync } from "node:fs";
import { defineProcessor } from "stowage/processor";

const attempt = (act: () => unknown) => {
  try { return act(); } catch (error) { return (error as { code: string }).code; }
};
export default [
  defineProcessor({
    name: "spy", version: "1", accepts: ["text/plain"],
    process: async (input) => ({
      output: {
        words: (await input.text()).split(" ").length,
        source: typeof attempt(() => readFileSync(new URL("./spy.ts", import.meta.url), "utf8").length),
        records: attempt(() => readFileSync(new URL("./stowage.db", import.meta.url)).length),
        key: attempt(() => readFileSync(new URL("./first-api-key", import.meta.url), "utf8")),
        // The shell that sets the limits has some of its own.
        environment: Object.keys(process.env).filter((name) => !/^(PATH|PWD|OLDPWD|SHLVL|_)$/.test(name)),
      },
    }),
  }),
  defineProcessor({
    name: "other", version: "1", accepts: ["text/x-never"],
    process: async () => ({ output: {} }),
  }),
];
`;

test("a module in the working directory reads documents and source files, and neither keys nor records", async () => {
  const folder = tempFolder();
  writeFileSync(join(folder, "spy.ts"), SPY);
  const fetch = await serve({ STOWAGE_PROCESSORS: "./spy.ts" }, folder);
  const { status, processors } = await upload(fetch, "a.txt", Buffer.from("one two three"));
  expect(status).toBe("processed");
  expect(processors.map(({ name }) => name)).not.toContain("other");
  expect(processors.find(({ name }) => name === "spy")?.output).toEqual({
    words: 3,
    source: "number",
    records: "ERR_ACCESS_DENIED",
    key: "ERR_ACCESS_DENIED",
    environment: [],
  });
});

test("a start with modules that cannot be loaded ends with all of them named, and touches nothing", async () => {
  const folder = tempFolder();
  writeFileSync(join(folder, "exits.mjs"), "process.exit(7)");
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: folder,
    PORT: "0",
    DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
    STOWAGE_DRIVERS: "./tape.ts",
    STOWAGE_PROCESSORS: "stowage-processor-acme,./exits.mjs",
  };
  const main = resolve("src/cli/main.ts");
  const serving = promisify(execFile)(process.execPath, [main, "serve"], { env, cwd: folder });
  await expect(serving).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringMatching(
      /3 settings are wrong\n {2}STOWAGE_DRIVERS: read ".\/tape.ts", .*\n {2}STOWAGE_PROCESSORS: read "stowage-processor-acme", .*npm install stowage-processor-acme\)\n {2}STOWAGE_PROCESSORS: read ".\/exits.mjs", .*ended with code 7\n$/,
    ),
  });
  expect(existsSync(join(folder, "stowage.db"))).toBe(false);
});

test("createStowage() refuses processors whose names are taken, or that no one defined", async () => {
  const env = { FILE_STORAGE_TYPE: "memory", DATABASE_URL: "sqlite::memory:" };
  const define = (name: string) =>
    defineProcessor({
      name,
      version: "1",
      accepts: ["text/plain"],
      process: async () => ({ output: {} }),
    });
  const open = (...processors: never[]) => createStowage({ env, processors, logger: SILENT });
  await expect(open(define("text") as never)).rejects.toThrow('two are named "text"');
  await expect(open(define("a") as never, define("a") as never)).rejects.toThrow("two are named");
  const bare = { ...define("a") };
  await expect(open(bare as never)).rejects.toThrow(
    "nor a result of this release's defineProcessor",
  );
  await expect(open("./missing.ts" as never)).rejects.toThrow(
    /createStowage\(\{ processors \}\): read ".\/missing.ts", expected the path of a file/,
  );
});
