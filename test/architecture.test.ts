import { globSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { expect, test } from "vitest";

/**
 * Who may import whom: the table of ARCHITECTURE.md. A target is a path of this repository, or the name of
 * a package. The first rule whose `from` matches a file decides.
 */
const RULES: readonly { readonly from: RegExp; readonly may: readonly RegExp[] }[] = [
  { from: /^src\/domain\//, may: [/^src\/domain\//] },
  { from: /^src\/application\//, may: [/^src\/(application|domain)\//] },
  {
    from: /^src\/adapters\/hasher\.ts$/,
    may: [/^src\/(adapters|domain)\//, /^node:crypto$/],
  },
  {
    from: /^src\/adapters\/records\/(node-sqlite|group-commit)\.ts$/,
    may: [/^src\/(adapters|domain)\//, /^kysely$/, /^node:sqlite$/],
  },
  { from: /^src\/adapters\/records\//, may: [/^src\/(adapters\/records|domain)\//, /^kysely$/] },
  { from: /^src\/adapters\/auth\//, may: [/^src\/(adapters\/auth|domain)\//, /^jose$/] },
  { from: /^src\/adapters\/log\//, may: [/^src\/(adapters\/log|domain)\//, /^@logtape\//] },
  {
    from: /^src\/adapters\/sniffer\.ts$/,
    may: [
      /^src\/(adapters\/(compound-head|plain-text|signatures)\.ts$|domain\/)/,
      /^file-type(\/|$)/,
    ],
  },
  { from: /^src\/adapters\//, may: [/^src\/(adapters|domain)\//] },
  {
    from: /^src\/http\//,
    may: [/^src\/(http|application|domain)\//, /^hono(\/|$)/, /^@hono\//, /^zod$/],
  },
  { from: /^src\/(driver|processor)\.ts$/, may: [/^src\/domain\//, /^zod$/] },
  {
    from: /^src\/config(\/|\.ts$)/,
    may: [/^src\/(domain|config)\//, /^src\/config\.ts$/, /^zod$/],
  },
  // Of the rest only types: what it becomes in a browser is looked at by test/client/browser.slow.ts.
  {
    from: /^src\/client(\/|\.ts$)/,
    may: [
      /^src\/client\//,
      /^src\/http\/(api|problem|responses\/event-stream)\.ts$/,
      /^src\/domain\/errors\.ts$/,
    ],
  },
  { from: /^src\/(stowage|index)\.ts$/, may: [/^src\/(?!runtime\/|cli\/)/] },
  { from: /^src\/(runtime\/|cli\/|node\.ts$)/, may: [/./] },
  {
    from: /^drivers\/fs(\/|\.ts$)/,
    may: [/^src\/driver\.ts$/, /^drivers\/fs\//, /^zod$/, /^node:/],
  },
  { from: /^drivers\/conformance\//, may: [/^src\/driver\.ts$/, /^drivers\/conformance\//] },
  {
    from: /^drivers\/s3(\/|\.ts$)/,
    may: [/^src\/driver\.ts$/, /^drivers\/s3\//, /^zod$/, /^aws4fetch$/],
  },
  {
    from: /^drivers\/unstorage(\/|\.ts$)/,
    may: [/^src\/driver\.ts$/, /^drivers\/unstorage\//, /^zod$/, /^unstorage(\/|$)/],
  },
  { from: /^drivers\/memory\.ts$/, may: [/^src\/driver\.ts$/, /^zod$/] },
  {
    // How files are built: shared by the processors that read them.
    from: /^processors\/formats\//,
    may: [
      /^src\/processor\.ts$/,
      /^processors\/formats\//,
      /^(unpdf|yauzl|htmlparser2|postal-mime|chardet)(\/|$)/,
    ],
  },
  {
    from: /^processors\/text(\/|\.ts$)/,
    may: [
      /^src\/processor\.ts$/,
      /^processors\/(text|formats)\//,
      /^(unpdf|htmlparser2|postal-mime)(\/|$)/,
    ],
  },
  {
    from: /^processors\/metadata(\/|\.ts$)/,
    may: [
      /^src\/processor\.ts$/,
      /^processors\/(metadata|formats)\//,
      /^(unpdf|htmlparser2|postal-mime|image-size|franc-min)(\/|$)/,
    ],
  },
];

/** 300 lines are a smell: look whether the file holds one idea. A cohesive file may be longer, up to this. */
const MAX_LINES = 450;

interface Source {
  readonly path: string;
  readonly text: string;
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s(?:[^"';]*?\sfrom\s*)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/g;

function importsOf(source: Source): string[] {
  return [...source.text.matchAll(IMPORT)].map((match) => {
    const target = match[1] ?? match[2] ?? "";
    if (!target.startsWith(".")) return target;
    return posix.join(posix.dirname(source.path), target);
  });
}

function inspect(sources: readonly Source[]): { edges: number; problems: string[] } {
  const problems: string[] = [];
  const graph = new Map<string, string[]>();
  let edges = 0;
  for (const source of sources) {
    const lines = source.text.split("\n").length - 1;
    if (lines > MAX_LINES) problems.push(`${source.path} has ${lines} lines`);
    const rule = RULES.find(({ from }) => from.test(source.path));
    if (rule === undefined) problems.push(`${source.path} is in no room of the table`);
    const targets = importsOf(source);
    edges += targets.length;
    graph.set(source.path, targets);
    for (const target of targets) {
      if (rule !== undefined && !rule.may.some((allowed) => allowed.test(target))) {
        problems.push(`${source.path} may not import ${target}`);
      }
    }
  }
  return { edges, problems: [...problems, ...cyclesOf(graph)] };
}

function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const seenAt = trail.indexOf(path);
    if (seenAt >= 0) {
      cycles.push(`cycle: ${[...trail.slice(seenAt), path].join(" → ")}`);
      return;
    }
    if (done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return cycles;
}

function readSources(): Source[] {
  return globSync(["src/**/*.ts", "drivers/**/*.ts", "processors/**/*.ts"])
    .map((path) => path.replaceAll("\\", "/"))
    .sort()
    .map((path) => ({ path, text: readFileSync(path, "utf8") }));
}

const sources = readSources();

test("every import stays within the table, no cycle, no file over 450 lines", () => {
  expect(inspect(sources).problems).toEqual([]);
});

test("inspect() has seen the house it judges", () => {
  expect(sources.length).toBeGreaterThan(60);
  expect(inspect(sources).edges).toBeGreaterThan(250);
});

test.each([
  ["a driver in the application", "src/application/x.ts", 'import fs from "../../drivers/fs.ts";'],
  ["npm in the domain", "src/domain/x.ts", 'import { z } from "zod";'],
  ["node: in the domain", "src/domain/x.ts", 'import { join } from "node:path";'],
  ["the application in an adapter", "src/adapters/x.ts", 'import "../application/storages.ts";'],
  ["an adapter over http", "src/http/x.ts", 'export { x } from "../adapters/hasher.ts";'],
  ["another library in http", "src/http/x.ts", 'import busboy from "busboy";'],
  ["node: in a driver but fs", "drivers/memory.ts", 'import { readFile } from "node:fs/promises";'],
  ["the domain in a driver", "drivers/memory.ts", 'import type { X } from "../src/domain/x.ts";'],
  ["a lazy import", "src/domain/x.ts", 'const kysely = await import("kysely");'],
  ["a runtime in the root", "src/stowage.ts", 'import { serve } from "./runtime/node.ts";'],
  ["an unknown room", "src/helpers/x.ts", "export const x = 1;"],
  ["a long file", "src/domain/x.ts", "\n".repeat(451)],
])("inspect() refuses %s", (_what, path, text) => {
  const others = sources.filter((source) => source.path !== path);
  const before = inspect(sources).problems.length;
  expect(inspect([...others, { path, text }]).problems.length).toBeGreaterThan(before);
});

test("inspect() refuses a cycle", () => {
  const cycle = [
    { path: "src/domain/a.ts", text: 'import "./b.ts";' },
    { path: "src/domain/b.ts", text: 'import "./a.ts";' },
  ];
  expect(inspect(cycle).problems).toEqual([
    "cycle: src/domain/a.ts → src/domain/b.ts → src/domain/a.ts",
  ]);
});
