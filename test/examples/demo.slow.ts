import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import s3 from "../../drivers/s3.ts";
import { hasRadosgw, startRadosgw } from "../s3/radosgw.ts";
import { testDriverContext } from "../support/driver-context.ts";
import { tempFolder } from "../support/temp-folder.ts";

const run = promisify(execFile);

test.skipIf(!hasRadosgw())("the demo runs on a real S3 and leaves its bucket empty", async () => {
  const server = await startRadosgw();
  onTestFinished(() => server.stop());
  const bucket = await server.makeBucket();
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: tempFolder(),
    TMPDIR: tempFolder(),
    AWS_S3_BUCKET: bucket,
    AWS_REGION: server.region,
    AWS_ENDPOINT_URL_S3: server.endpoint,
    AWS_ACCESS_KEY_ID: server.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
  };
  const { stdout } = await run("npm", ["run", "demo", "--", "--storage", "s3"], { env });
  expect(stdout).toContain("keeps files in s3 storage");
  expect(stdout.match(/the same as were sent/g)).toHaveLength(2);

  const host = { env, readTextFile: async () => null, spawn: () => expect.fail("no process") };
  const driver = await s3.open({ authority: bucket }, testDriverContext({ host }));
  for (const prefix of ["", ".stowage/"]) {
    expect((await driver.list(prefix)).objects).toEqual([]);
  }
});
