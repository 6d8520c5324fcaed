import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { conformanceCases, register } from "../../drivers/conformance/index.ts";
import shelf from "../../examples/custom-driver/shelf.ts";
import { testDriverContext } from "../support/driver-context.ts";
import { fastFolder } from "../support/temp-folder.ts";

test("the example is shorter than 90 lines", () => {
  const text = readFileSync("examples/custom-driver/shelf.ts", "utf8");
  expect(text.split("\n").length - 1).toBeLessThan(90);
});

register(
  test,
  conformanceCases({
    open: () => shelf.open({ path: join(fastFolder(), "shelf.db") }, testDriverContext()),
    keepsObjectsInMemory: true,
  }),
);
