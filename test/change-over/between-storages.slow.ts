import { afterAll, beforeAll, describe, test } from "vitest";
import type { S3Endpoint } from "../s3/endpoint.ts";
import { hasRadosgw, startRadosgw } from "../s3/radosgw.ts";
import { changeOverAndBack } from "./between-storages.ts";

describe.skipIf(!hasRadosgw())("radosgw", () => {
  let s3: S3Endpoint;
  beforeAll(async () => {
    s3 = await startRadosgw();
  });
  afterAll(() => s3?.stop());

  test("from local to S3 and back, with settings mistyped on the way", async () => {
    await changeOverAndBack(s3, true);
  });
});
