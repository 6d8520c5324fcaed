import { join } from "node:path";
import { expect, test } from "vitest";
import { hasRadosgw, startRadosgw } from "../s3/radosgw.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { stowage } from "./terminal.ts";

test.skipIf(!hasRadosgw())("stowage doctor knows a radosgw's good and bad days", async () => {
  const server = await startRadosgw();
  try {
    const env = {
      FILE_STORAGE_TYPE: "s3",
      AWS_S3_BUCKET: await server.makeBucket(),
      AWS_ENDPOINT_URL_S3: server.endpoint,
      AWS_ACCESS_KEY_ID: server.accessKeyId,
      AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
      DATABASE_URL: `sqlite:${join(tempFolder(), "stowage.db")}`,
    };
    const runtime = await import("../../src/runtime/node.ts");
    const doctor = (change: Record<string, string>) =>
      stowage(["doctor"], { env: { ...env, ...change }, runtime });
    const well = await doctor({});
    expect(well.out).toMatch(/works: write, read, list, delete\n.*parts can be started/);
    expect(well.out).toMatch(/\nNo problems found\n$/);
    for (const [change, found] of [
      [{ AWS_S3_BUCKET: "no-such-bucket" }, "the bucket does not exist"],
      [{ AWS_SECRET_ACCESS_KEY: "another" }, "the secret does not belong to the key id"],
      [{ AWS_ACCESS_KEY_ID: "SOMEBODYELSE" }, "the server does not know the key id"],
    ] as const) {
      const { code, out } = await doctor(change);
      expect(code).toBe(1);
      expect(out).toMatch(new RegExp(`fail .*${found}`));
      expect(out).toMatch(/\n1 failed\n$/);
    }
  } finally {
    await server.stop();
  }
});
