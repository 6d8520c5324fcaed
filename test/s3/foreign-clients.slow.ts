import { testForeignClients } from "./foreign-cases.ts";
import { radosgwMissing, startRadosgw } from "./radosgw.ts";
import { testRawRequests } from "./raw-cases.ts";

const missing = radosgwMissing();
if (missing) console.warn(missing);

testForeignClients(startRadosgw, missing !== null);
testRawRequests(startRadosgw, "radosgw", missing !== null);
