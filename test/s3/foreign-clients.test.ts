import { testForeignClients } from "./foreign-cases.ts";
import { testRawRequests } from "./raw-cases.ts";
import { startStrictS3 } from "./strict-server.ts";

testForeignClients(() => startStrictS3({ pageSize: 2 }));
testRawRequests(() => startStrictS3(), "strict");
