import { expect, test } from "vitest";
import { ServerProcess } from "../support/server-process.ts";
import { stuckUpload } from "../support/stuck-upload.ts";

test("a server killed in the middle of a large upload leaves no part and no row behind, by the least rights", {
  timeout: 60_000,
}, async () => {
  const { server, upload, multipartId, env, s3, bucket, rows, endLeases } = await stuckUpload();
  await server.kill("SIGKILL");
  upload.destroy();
  expect(s3.uploadsInProgress(bucket)).toHaveLength(1);
  expect(rows()).toEqual([{ status: "uploading", id: multipartId }]);
  endLeases();
  const restarted = await ServerProcess.start(env);
  await expect.poll(() => s3.uploadsInProgress(bucket), { timeout: 20_000 }).toEqual([]);
  await expect.poll(rows, { timeout: 20_000 }).toEqual([]);
  // The probe of the start may still be there.
  const keys = () => s3.objects(bucket).map((object) => object.key);
  await expect.poll(keys, { timeout: 20_000 }).toEqual(["uploads/.stowage/storage.json"]);
  await restarted.kill("SIGTERM");
});
