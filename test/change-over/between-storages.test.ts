import { onTestFinished, test } from "vitest";
import { startStrictS3 } from "../s3/strict-server.ts";
import { changeOverAndBack } from "./between-storages.ts";

test("from local to S3 and back: every upload stays readable, can be processed and deleted", {
  // Seven processes are started, one after the other.
  timeout: 60_000,
}, async () => {
  const s3 = await startStrictS3();
  onTestFinished(() => s3.stop());
  await changeOverAndBack(s3, false);
});
