import { describe, test } from "vitest";
import { conformanceCases, register } from "../../drivers/conformance/index.ts";
import { MIB, strictServer } from "./s3/strict-storage.ts";

describe("the s3 driver on a strict server", () => {
  const makeBucket = strictServer({ minPartBytes: 5 * MIB });
  const open = async () => await (await makeBucket()).open({ partBytes: 5 * MIB });
  register(test, conformanceCases({ open }));
});
