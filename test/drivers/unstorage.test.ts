import { join } from "node:path";
import { describe, test } from "vitest";
import { conformanceCases, register } from "../../drivers/conformance/index.ts";
import unstorage from "../../drivers/unstorage.ts";
import { testDriverContext } from "../support/driver-context.ts";
import { fastFolder } from "../support/temp-folder.ts";

const open = (options: Readonly<Record<string, unknown>>) =>
  unstorage.open(options, testDriverContext());

describe("the unstorage driver over unstorage's memory", () => {
  register(
    test,
    conformanceCases({ open: () => open({ path: "memory/uploads" }), keepsObjectsInMemory: true }),
  );
});

describe("the unstorage driver over unstorage's fs", () => {
  register(
    test,
    conformanceCases({
      open: () => open({ path: "fs", base: join(fastFolder(), "files") }),
      keepsObjectsInMemory: true,
    }),
  );
});
