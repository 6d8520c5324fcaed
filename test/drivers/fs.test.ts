import { describe, test } from "vitest";
import { conformanceCases, register } from "../../drivers/conformance/index.ts";
import local from "../../drivers/fs.ts";
import { testDriverContext } from "../support/driver-context.ts";
import { tempFolder } from "../support/temp-folder.ts";

describe("the local driver", () => {
  register(
    test,
    conformanceCases({ open: () => local.open({ path: tempFolder() }, testDriverContext()) }),
  );
});
