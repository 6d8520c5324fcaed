import unstorage from "../../../drivers/unstorage.ts";
import { parseObjectKey } from "../../../src/driver.ts";
import { testDriverContext } from "../../support/driver-context.ts";

const [, , url = ""] = process.argv;
const driver = await unstorage.open({ path: "redis", url }, testDriverContext());
await driver.put(parseObjectKey("a/b/c"), { kind: "bytes", bytes: new Uint8Array(1) });
await driver.dispose?.();
