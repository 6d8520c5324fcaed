import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { SETTINGS } from "../../src/config/settings.ts";
import { blocksOf } from "./blocks.ts";

const DOCUMENT = "docs/access.md";
const page = readFileSync(DOCUMENT, "utf8");

test("every block of docs/access.md has been seen, and it names settings that there are", () => {
  // They run in access.slow.ts.
  expect(blocksOf(DOCUMENT).map(({ language, name }) => `${language} ${name}`)).toEqual([
    ...["sh keys", "js token.mjs", "nginx site", "sh proxy", "sh limits", "sh cors", "js page.js"],
  ]);
  expect(page.split("\n").length).toBeLessThanOrEqual(150);
  const named = page.match(/\b(?:AUTH|RATE|CORS|TRUST|PUBLIC|MIN|MAX|HOST)_[A-Z_]+\b/g) ?? [];
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((name) => !Object.hasOwn(SETTINGS, name))).toEqual([]);
});
