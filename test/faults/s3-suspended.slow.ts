import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { expect, test } from "vitest";
import { ServerProcess } from "../support/server-process.ts";
import { stuckUpload } from "../support/stuck-upload.ts";

test("a server suspended beyond its lease has nothing to complete when it wakes up", async () => {
  const { server, upload, env, s3, bucket, rows, endLeases } = await stuckUpload();
  server.child.kill("SIGSTOP");
  endLeases();
  const other = await ServerProcess.start(env);
  await expect.poll(() => s3.uploadsInProgress(bucket), { timeout: 20_000 }).toEqual([]);
  await expect.poll(rows, { timeout: 20_000 }).toEqual([]);

  const answered = once(upload, "response") as Promise<[IncomingMessage]>;
  upload.end(new Uint8Array(1));
  server.child.kill("SIGCONT");
  const [answer] = await answered;
  expect([answer.statusCode, answer.headers["retry-after"]]).toEqual([503, "5"]);
  answer.resume();
  await s3.idle();
  expect(s3.uploadsInProgress(bucket)).toEqual([]);
  expect(rows()).toEqual([]);
  const keys = s3.objects(bucket).map((object) => object.key);
  expect(keys).toEqual(["uploads/.stowage/storage.json"]);
  await other.kill("SIGTERM");
  await server.kill("SIGTERM");
});
