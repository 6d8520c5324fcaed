import { testForeignClients } from "./foreign-cases.ts";
import { startStrictS3 } from "./strict-server.ts";

testForeignClients(() => startStrictS3({ pageSize: 2 }));
