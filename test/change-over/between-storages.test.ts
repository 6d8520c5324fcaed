import { onTestFinished, test } from "vitest";
import { startStrictS3 } from "../s3/strict-server.ts";
import { changeOverAndBack } from "./between-storages.ts";

test("from local to S3 and back: every upload stays readable, can be processed and deleted", async () => {
  const s3 = await startStrictS3();
  onTestFinished(() => s3.stop());
  await changeOverAndBack(s3, false);
});
