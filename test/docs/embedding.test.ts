import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { blocksOf } from "./blocks.ts";
import { serveBlock } from "./embedded.ts";
import { librariesOf } from "./project.ts";

const DOCUMENT = "docs/embedding.md";
const blocks = blocksOf(DOCUMENT);

test("every block has been seen, and the page is short", () => {
  const names = blocks.map(({ language, name }) => `${language} ${name}`.trim());
  expect(names).toEqual(["sh", "js app.mjs", "sh", "js express.mjs", "js fastify.mjs"]);
  expect(readFileSync(DOCUMENT, "utf8").split("\n").length).toBeLessThanOrEqual(130);
});

test("app.mjs serves as it is written, under its mount path, and stops in order", async () => {
  const [{ text: lines } = expect.unreachable(), app = expect.unreachable()] = blocks;
  const { url, child, ended } = await serveBlock(app, librariesOf(lines), 401);
  expect(await (await fetch(url)).text()).toBe("Your own page");
  child.kill("SIGTERM");
  expect(await ended).toBe(0);
});

test("what authenticate may return is what the table says", () => {
  const rows = readFileSync(DOCUMENT, "utf8").match(/^\| .+ \|$/gm) ?? [];
  expect(rows.length).toBe(7);
});
