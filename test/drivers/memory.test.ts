import { describe, test } from "vitest";
import { conformanceCases, register } from "../../drivers/conformance/index.ts";
import memory from "../../drivers/memory.ts";
import { testDriverContext } from "../support/driver-context.ts";

describe("the memory driver", () => {
  register(
    test,
    conformanceCases({
      open: () => memory.open({}, testDriverContext()),
      keepsObjectsInMemory: true,
    }),
  );
});
