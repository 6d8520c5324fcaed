import { describe, test } from "vitest";
import { conformanceCases, register } from "../../drivers/conformance/index.ts";
import { MIB, strictStorages } from "./s3/strict-storage.ts";

describe("the s3 driver on a strict server", () => {
  const open = strictStorages();
  const openDriver = async () => (await open({ partBytes: 5 * MIB })).driver;
  register(test, conformanceCases({ open: openDriver }));
});
