import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { build } from "esbuild";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { brokenImports, importsOf } from "./imports.ts";
import { ENV, Packed, ROOT } from "./packed.ts";

/** What @arethetypeswrong/core finds in every package like ours, and why it is meant. */
const MEANT: Readonly<Record<string, string>> = {
  "NoResolution node10":
    "Resolution as of Node 10 knows no exports; Node 22.16 is the oldest we support",
  "CJSResolvesToESM node16-cjs": "ESM only: require() of it works in every Node we support",
};

/** Declared though nothing of ours imports them, and why. */
const PINNED: Readonly<Record<string, string>> = {
  "@hono/zod-validator": "@hono/zod-openapi validates through it, and takes any of a range",
};

let folder: string;
let packed: Packed;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stowage-package-"));
  packed = await Packed.into(folder);
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the tarball", () => {
  test("holds compiled code, its types and documents, and nothing else", () => {
    const others = [...packed.files.keys()].filter(
      (path) => !/^dist\/.+\.(?:js|d\.ts)$/.test(path),
    );
    const named = others.filter((path) => !/^docs\/(?:adr\/)?[a-z0-9-]+\.md$/.test(path));
    expect(named.sort()).toEqual([
      ...["ARCHITECTURE.md", "CHANGELOG.md", "LICENSE", "README.md", "package.json"],
    ]);
    for (const path of packed.files.keys()) {
      expect(path).not.toMatch(/(?:^|\/)(?:test|tests|fixtures|bench|examples|tools)(?:\/|$)/);
      expect(path).not.toMatch(/\.(?:test|slow)\./);
    }
    const code = [...packed.files.keys()].filter((path) => path.endsWith(".js"));
    expect(code.filter((path) => !packed.files.has(path.replace(/\.js$/, ".d.ts")))).toEqual([]);
    expect(code.length).toBeGreaterThan(100);
  });

  test("names no path of the machine that made it, and no source map", () => {
    for (const [path, bytes] of packed.files) {
      const text = bytes.toString("latin1");
      for (const trace of [ROOT, `${homedir()}/`, `${tmpdir()}/stowage`, "sourceMappingURL"]) {
        expect(text.includes(trace), `${trace} in ${path}`).toBe(false);
      }
      expect(text, path).not.toMatch(/(?:\/home\/|\/Users\/|C:\\Users\\)\w+[/\\]/);
    }
  });

  test("has what its manifest names, and a command that env starts with Node", () => {
    const { exports, bin } = packed.manifest;
    const targets = [...Object.values(exports).flatMap(Object.values), ...Object.values(bin)];
    expect(targets.length).toBeGreaterThan(8);
    for (const target of targets) {
      expect(packed.files.has(target.replace(/^\.\//, "")), target).toBe(true);
    }
    for (const target of Object.values(bin)) {
      const [first] = String(packed.files.get(target.replace(/^\.\//, ""))).split("\n");
      expect(first).toMatch(/^#!\/usr\/bin\/env -S node(?: --[a-z-]+=\d+)*$/);
    }
  });

  test("imports what lies in it, what Node has, and the libraries it declares; each of those is used", () => {
    const libraries = Object.keys(packed.manifest.dependencies);
    const used = new Set<string>();
    let imports = 0;
    for (const [path, bytes] of packed.files) {
      if (!/\.(?:js|d\.ts)$/.test(path)) continue;
      const text = String(bytes);
      expect(brokenImports(path, text, packed.files, libraries), path).toEqual([]);
      for (const target of importsOf(text)) {
        imports += 1;
        used.add(/^(?:@[^/]+\/)?[^/]+/.exec(target)?.[0] ?? "");
      }
    }
    expect(imports).toBeGreaterThan(800);
    const unused = libraries.filter((library) => !used.has(library));
    expect(unused).toEqual(Object.keys(PINNED));
  });

  test("brokenImports() finds what is neither there nor declared", () => {
    const text = [
      'import "./gone.js";',
      'export { a } from "vitest";',
      'const b = await import("@aws-sdk/client-s3/x");',
      ' * import { c } from "an-example";',
      'import {\n  d,\n} from "zod/v4";',
      'import "node:fs";',
    ].join("\n");
    const broken = brokenImports("dist/a.js", text, packed.files, ["zod"]);
    expect(broken).toEqual(["./gone.js", "vitest", "@aws-sdk/client-s3/x"]);
  });

  test("publint has nothing to suggest", async () => {
    const { messages, pkg } = await publint({
      pack: { tarball: arrayBuffer(packed.tarball) },
      level: "suggestion",
      strict: true,
    });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  test("@arethetypeswrong finds nothing but what is meant", async () => {
    const data = new Uint8Array(arrayBuffer(packed.tarball));
    const result = await checkPackage(createPackageFromTarballData(data));
    if (!result.types) throw new Error("It has no types");
    const found = result.problems.map((problem) =>
      "resolutionKind" in problem
        ? `${problem.kind} ${problem.resolutionKind}`
        : JSON.stringify(problem),
    );
    expect(found.filter((problem) => !Object.hasOwn(MEANT, problem))).toEqual([]);
    expect(Object.keys(result.entrypoints)).toEqual(Object.keys(packed.manifest.exports));
  });
});

describe("installed into an empty folder", () => {
  test("brings no Node, and no tool", async () => {
    const lock = JSON.parse(readFileSync(join(packed.app, "package-lock.json"), "utf8"));
    const names = Object.keys(lock.packages).map((path) => path.replace(/^.*node_modules\//, ""));
    const tools =
      /^(?:node-(?:bin-|linux-).*|vitest|typescript|@biomejs\/.*|wrangler|miniflare|deno|@aws-sdk\/.*)$/;
    expect(names.filter((name) => tools.test(name))).toEqual([]);
    const installed = await packed.run("du", "-sk", "node_modules");
    process.stderr.write(
      `package: ${statSync(packed.tarball).size} bytes packed, ${packed.files.size} files; ` +
        `installed ${names.length - 1} packages, ${installed.split("\t")[0]} KiB\n`,
    );
  });

  test("npx stowage reports its version, and doctor its help; a typo gets advice", async () => {
    expect(await packed.run("npx", "--no-install", "stowage", "--version")).toBe("0.1.0\n");
    expect(await packed.run("npx", "--no-install", "stowage", "doctor", "--help")).toMatch(/Usage/);
    const reported = await packed.run("npx", "--no-install", "stowage", "sevre").catch(outputOf);
    expect(reported).toContain("\nTry: npx stowage --help\n");
  });

  test("stowage serve takes a document, reads it in a process of its own, and stops with 0", async () => {
    const { url, key, stop } = await serve();
    const headers = { authorization: `Bearer ${key}` };
    const document = readFileSync(join(ROOT, "test/fixtures/minutes.docx"));
    const upload = `${url}/api/v1/upload`;
    const stored = await fetch(`${upload}/minutes.docx?auto_process=true`, {
      method: "PUT",
      body: document,
      headers,
    });
    expect(stored.status).toBe(201);
    const { id } = (await stored.json()) as { id: string };
    const file = await fetch(`${upload}/${id}/file`, { headers });
    expect(document.equals(await file.bytes())).toBe(true);
    let status = "queued";
    while (status === "queued" || status === "processing") {
      const answer = await fetch(`${upload}/${id}`, { headers });
      ({ status } = (await answer.json()) as { status: string });
    }
    const result = await (await fetch(`${upload}/${id}/result`, { headers })).text();
    expect([status, result]).toEqual(["processed", expect.stringContaining('"name":"text"')]);
    expect(await stop()).toEqual({ code: 0, signal: null });
  });

  test("a driver whose library is not there says what to install", async () => {
    const uri = "unstorage:redis?url=redis://:hunter2@localhost";
    const reported = await packed
      .run("npx", "--no-install", "stowage", "doctor", uri)
      .catch(outputOf);
    expect(reported).toContain("npm i ioredis");
    expect(reported).not.toContain("hunter2");
  });

  test("an application in JavaScript imports every entry and stores an upload", async () => {
    writeFileSync(
      join(packed.app, "application.mjs"),
      readFileSync(new URL("application.mjs", import.meta.url)),
    );
    const reported = JSON.parse(await packed.run(process.execPath, "application.mjs"));
    expect(reported).toEqual({
      status: 201,
      text: "Hello",
      items: true,
      client: ["Hello", true, "upload_not_found"],
      results: [{ name: expect.any(String), error: null }],
      entries: ["function", "function", "counter", "acme"],
    });
  });

  test("require() gives the same, as Node can require modules", async () => {
    const entries = Object.keys(packed.manifest.exports).map((entry) => `stowage${entry.slice(1)}`);
    const script = `for (const entry of ${JSON.stringify(entries)}) {
      console.log(entry, Object.keys(require(entry)).length > 0);
    }`;
    const reported = await packed.run(process.execPath, "--no-warnings", "-e", script);
    expect(reported.trim().split("\n")).toEqual(entries.map((entry) => `${entry} true`));
  });

  test.each([
    { module: "nodenext" },
    { module: "esnext", moduleResolution: "bundler" },
  ])("an application in TypeScript compiles strictly, libraries checked, with $module", async (how) => {
    const consumer = readFileSync(new URL("consumer.mts", import.meta.url));
    writeFileSync(join(packed.app, "consumer.mts"), consumer);
    const compilerOptions = {
      ...how,
      strict: true,
      skipLibCheck: false,
      noEmit: true,
      target: "es2023",
      types: ["node"],
      typeRoots: [join(ROOT, "node_modules/@types")],
    };
    const config = { compilerOptions, files: ["consumer.mts"] };
    writeFileSync(join(packed.app, "tsconfig.json"), JSON.stringify(config));
    const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
    const reported = await packed.run(process.execPath, tsc, "-p", ".").catch(outputOf);
    expect(reported).toBe("");
  });
});

describe("stowage/client", () => {
  test("compiles for a browser, where there is no Node, libraries checked", async () => {
    const source = readFileSync(new URL("browser.ts", import.meta.url));
    writeFileSync(join(packed.app, "browser.ts"), source);
    const compilerOptions = {
      module: "esnext",
      moduleResolution: "bundler",
      target: "es2022",
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
      lib: ["es2022", "dom", "dom.iterable", "dom.asynciterable"],
      types: [],
    };
    const config = { compilerOptions, files: ["browser.ts"] };
    writeFileSync(join(packed.app, "tsconfig.json"), JSON.stringify(config));
    const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
    const reported = await packed.run(process.execPath, tsc, "-p", ".").catch(outputOf);
    expect(reported).toBe("");
  });

  test("is small, and brings nothing of the server, of a library or of Node", async () => {
    const { metafile, outputFiles } = await build({
      stdin: { contents: 'export * from "stowage/client";', resolveDir: packed.app },
      bundle: true,
      minify: true,
      format: "esm",
      platform: "browser",
      target: "es2022",
      write: false,
      metafile: true,
    });
    const others = Object.keys(metafile.inputs).filter(
      (path) => !/(?:<stdin>|stowage\/dist\/src\/client(?:\/[a-z-]+)?\.js)$/.test(path),
    );
    expect(others).toEqual([]);
    const [bundle] = outputFiles;
    const size = gzipSync(bundle?.contents ?? "").byteLength;
    process.stderr.write(
      `client: ${bundle?.contents.byteLength} bytes minified, ${size} gzipped\n`,
    );
    expect(size).toBeLessThanOrEqual(8 * 1024);
  });
});

/**
 * The command that npx runs, with nothing configured, until it has printed its first key. Not under npx, which
 * hands a SIGTERM to its shell and no further.
 */
async function serve() {
  const child = spawn(join(packed.app, "node_modules/.bin/stowage"), ["serve"], {
    cwd: packed.app,
    env: { ...ENV, PORT: "0" },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  let reported = "";
  for await (const text of child.stdout.setEncoding("utf8")) {
    reported += text;
    const url = /(http:\/\/127\.0\.0\.1:\d+)/.exec(reported)?.[1];
    const key = /(stw_\S+)\s/.exec(reported)?.[1];
    if (url === undefined || key === undefined) continue;
    const stop = async () => {
      child.kill("SIGTERM");
      return await ended;
    };
    return { url, key, stop };
  }
  throw new Error(`It ended: ${reported}`);
}

function outputOf(error: { readonly stdout?: string; readonly stderr?: string }): string {
  return `${error.stdout ?? ""}${error.stderr ?? ""}`;
}

function arrayBuffer(path: string): ArrayBuffer {
  const bytes = readFileSync(path);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}
