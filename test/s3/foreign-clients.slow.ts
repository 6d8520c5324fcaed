import { testForeignClients } from "./foreign-cases.ts";
import { radosgwMissing, startRadosgw } from "./radosgw.ts";

const missing = radosgwMissing();
if (missing) console.warn(missing);

testForeignClients(startRadosgw, missing !== null);
