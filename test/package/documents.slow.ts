import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Block, blocksOf, writeBlocks } from "../docs/blocks.ts";
import { serveScript } from "../docs/served-script.ts";
import { brokenLinks } from "./links.ts";
import { ENV, Packed } from "./packed.ts";

const run = promisify(execFile);

let folder: string;
let packed: Packed;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stowage-documents-"));
  packed = await Packed.into(folder);
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("every link of the documents in the tarball leads to something in it", () => {
  const texts = new Map([...packed.files].map(([path, bytes]) => [path, String(bytes)]));
  const pages = [...texts.keys()].filter((path) => path.endsWith(".md"));
  expect(pages.length).toBeGreaterThan(20);
  const broken = pages.map((path) => [path, brokenLinks(path, texts)]);
  expect(broken.filter(([, links]) => links?.length !== 0)).toEqual([]);
});

test("brokenLinks() finds what is not there, and no heading of that name", () => {
  const page = [
    "[a](docs/a.md) [b](docs/a.md#what-b-is) [c](docs) [d](#top) [e](https://example.com)",
    "[f](docs/gone.md) [g](docs/a.md#gone) [h](#gone) [i](src)",
    "# Top",
  ].join("\n");
  const files = new Map([
    ["README.md", page],
    ["docs/a.md", "## What b is\n[up](../README.md) [away](README.md)\n```sh\n# gone\n```\n"],
  ]);
  expect(brokenLinks("README.md", files)).toEqual([
    "docs/gone.md",
    "docs/a.md#gone",
    "#gone",
    "src",
  ]);
  expect(brokenLinks("docs/a.md", files)).toEqual(["README.md"]);
});

test("the README's lines install it into an empty folder, and serve", async () => {
  const [lines = expect.unreachable()] = shellBlocks(blocksOf("README.md"));
  expect(lines).toBe("npm i stowage\nnpx stowage serve\n");
  await uploadTo(lines, emptyFolder("readme"));
});

test("docs/drivers.md is followed from an empty folder to a driver that is tested and serves", async () => {
  const { cwd, node, serve } = await follow("docs/drivers.md");
  expect(await node("faults.ts")).toBe("");
  expect(await node("app.ts")).toBe("healthy\n");
  expect(await node("--test")).toMatch(/^(?:#|ℹ) fail 0$/m);
  await uploadTo(serve, cwd);
});

test("docs/processing.md is followed from an empty folder to a processor that is tested and serves", async () => {
  const { cwd, node, serve } = await follow("docs/processing.md");
  expect(await node("app.ts")).toBe("");
  expect(await node("--test")).toMatch(/^(?:#|ℹ) pass 2$/m);
  await uploadTo(serve, cwd);
});

/** Do what a page begins with, and write its sources. */
async function follow(document: string) {
  const cwd = emptyFolder(document);
  const blocks = blocksOf(document);
  const [begin = "", serve = ""] = shellBlocks(blocks);
  await run("bash", ["-euc", withTarball(begin)], { cwd, env: ENV });
  writeBlocks(
    blocks.filter(({ name }) => name !== "package.json"),
    cwd,
  );
  const node = async (argument: string) =>
    (await run(process.execPath, [argument], { cwd, env: ENV })).stdout;
  return { cwd, node, serve };
}

/** Serve as the lines say, and upload something. */
async function uploadTo(lines: string, cwd: string): Promise<void> {
  const { url, key } = await serveScript(withTarball(lines), { ...ENV, PORT: "0" }, cwd);
  const headers = { authorization: `Bearer ${key}` };
  const to = `${url}/api/v1/upload`;
  const stored = await fetch(`${to}/hello.txt`, { method: "PUT", body: "Hello", headers });
  expect(stored.status).toBe(201);
  const { id } = (await stored.json()) as { id: string };
  expect(await (await fetch(`${to}/${id}/file`, { headers })).text()).toBe("Hello");
}

/** The lines as they are written, but that npm takes the package from here. */
function withTarball(lines: string): string {
  return lines.replace("npm i stowage", `npm i --prefer-offline ${packed.tarball}`);
}

function shellBlocks(blocks: readonly Block[]): string[] {
  return blocks.filter(({ language }) => language === "sh").map(({ text }) => text);
}

function emptyFolder(name: string): string {
  const path = join(folder, name.replaceAll(/\W/g, "-"));
  mkdirSync(path);
  return path;
}
