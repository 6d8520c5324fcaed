import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { AwsClient } from "aws4fetch";
import { hasPrograms } from "../support/can-run.ts";
import type { S3Endpoint } from "./endpoint.ts";

const SCRIPT = new URL("radosgw.sh", import.meta.url).pathname;
const PROGRAMS = ["radosgw", "radosgw-admin", "ceph", "ceph-mon", "ceph-osd", "ceph-authtool"];
const ACCESS_KEY_ID = "radosgwtestaccesskey";
const SECRET_ACCESS_KEY = "radosgwtestsecretkey0123456789";
/** It takes every region. */
const REGION = "us-east-1";

/** Where a run shared by all slow files can be asked for; set by `radosgw-shared.ts`. */
export const SHARED_URL_VARIABLE = "STOWAGE_TEST_RADOSGW_URL";

/** Whether tests that need a radosgw can run. */
export function hasRadosgw(): boolean {
  return hasPrograms(PROGRAMS, "test/s3/radosgw.sh install");
}

async function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once("error", () => resolve(false));
  server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  return await promise;
}

/** A port that is free together with the next one. Below the range from which the system picks its own. */
async function findTwoPorts(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
}

function endpointAt(endpoint: string, stop: () => Promise<void>): S3Endpoint {
  const client = new AwsClient({
    accessKeyId: ACCESS_KEY_ID,
    secretAccessKey: SECRET_ACCESS_KEY,
    service: "s3",
    region: REGION,
    retries: 0,
  });
  return {
    endpoint,
    region: REGION,
    accessKeyId: ACCESS_KEY_ID,
    secretAccessKey: SECRET_ACCESS_KEY,
    async makeBucket(name = `test-${randomUUID()}`) {
      const answer = await client.fetch(`${endpoint}/${name}`, { method: "PUT" });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`Cannot make a bucket: radosgw answered ${text}`);
      return name;
    },
    stop,
  };
}

/** Start one of its own, which takes about 13 s and 600 MB. It ends with this process, however that ends. */
export async function startOwnRadosgw(): Promise<S3Endpoint> {
  const folder = mkdtempSync(join(tmpdir(), "stowage-radosgw-"));
  const port = await findTwoPorts();
  const args = ["run", folder, String(port), ACCESS_KEY_ID, SECRET_ACCESS_KEY];
  const guardian = spawn(SCRIPT, args, { stdio: ["pipe", "pipe", "inherit"], detached: true });
  const ended = new Promise<void>((resolve) => guardian.once("close", () => resolve()));
  const ready = new Promise<void>((resolve, reject) => {
    guardian.once("error", reject);
    void ended.then(() => reject(new Error("Cannot start radosgw: see what it printed above")));
    createInterface(guardian.stdout).on("line", (line) => line === "ready" && resolve());
  });
  await ready;
  return endpointAt(`http://127.0.0.1:${port}`, async () => {
    guardian.stdin.end();
    await ended;
  });
}

/** The radosgw that all slow files of a run share, or one of its own where there is no such run. */
export async function startRadosgw(): Promise<S3Endpoint> {
  const url = process.env[SHARED_URL_VARIABLE];
  if (url === undefined) return await startOwnRadosgw();
  const answer = await fetch(url);
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return endpointAt(text, async () => undefined);
}
