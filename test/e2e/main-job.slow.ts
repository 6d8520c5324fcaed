import { afterAll, beforeAll, describe } from "vitest";
import type { S3Endpoint } from "../s3/endpoint.ts";
import { hasRadosgw, startRadosgw } from "../s3/radosgw.ts";
import { s3App } from "../support/s3-app.ts";
import { uploadsUnderWay } from "../support/s3-inspection.ts";
import { mainJob } from "./main-job.ts";

describe.skipIf(!hasRadosgw())("radosgw", () => {
  let s3: S3Endpoint;
  beforeAll(async () => {
    s3 = await startRadosgw();
  });
  afterAll(() => s3?.stop());

  mainJob("s3 on radosgw", async () => {
    const bucket = await s3.makeBucket();
    return { options: s3App(s3, bucket), partsLeft: () => uploadsUnderWay(s3, bucket) };
  });
});
