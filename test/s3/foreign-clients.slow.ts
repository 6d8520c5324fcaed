import { testForeignClients } from "./foreign-cases.ts";
import { hasRadosgw, startRadosgw } from "./radosgw.ts";
import { testRawRequests } from "./raw-cases.ts";

testForeignClients(startRadosgw, !hasRadosgw());
testRawRequests(startRadosgw, "radosgw", !hasRadosgw());
