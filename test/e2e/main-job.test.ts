import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import fs from "../../drivers/fs.ts";
import memory from "../../drivers/memory.ts";
import { type StrictS3, startStrictS3 } from "../s3/strict-server.ts";
import { s3App } from "../support/s3-app.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { mainJob } from "./main-job.ts";

let s3: StrictS3;
beforeAll(async () => {
  s3 = await startStrictS3();
});
afterAll(() => s3.stop());

mainJob("memory", async () => ({ options: { drivers: [memory] } }));

mainJob("local", async () => {
  const env = { FILE_STORAGE_TYPE: "local", FILE_STORAGE_PATH: join(tempFolder(), "uploads") };
  return { options: { drivers: [fs], env } };
});

mainJob("s3", async () => {
  const bucket = await s3.makeBucket();
  return {
    options: s3App(s3, bucket),
    partsLeft: () => s3.uploadsInProgress(bucket).length,
  };
});
