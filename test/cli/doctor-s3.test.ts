import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { fault, type StrictS3, type StrictS3Options, startStrictS3 } from "../s3/strict-server.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { inspecting, WITHOUT_PROCESSING } from "./doctor/scene.ts";
import { stowage } from "./terminal.ts";

type Env = Record<string, string | undefined>;

async function strictServer(options?: StrictS3Options): Promise<StrictS3> {
  const server = await startStrictS3(options);
  onTestFinished(() => server.stop());
  return server;
}

/** What one sets to keep files in a bucket of that server. */
async function settingsFor(server: StrictS3): Promise<Env> {
  return {
    FILE_STORAGE_TYPE: "s3",
    AWS_S3_BUCKET: await server.makeBucket(),
    AWS_REGION: server.region,
    AWS_ENDPOINT_URL_S3: server.endpoint,
    AWS_ACCESS_KEY_ID: server.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
    AWS_SESSION_TOKEN: server.sessionToken,
    DATABASE_URL: `sqlite:${join(tempFolder(), "stowage.db")}`,
    PORT: "0",
  };
}

/** `stowage doctor` with Node's real parts; whatever it finds, it shows no secret. */
async function doctor(env: Env, argv: readonly string[] = [], stop?: AbortSignal) {
  const outcome = await stowage(["doctor", ...argv], {
    env,
    runtime: inspecting(WITHOUT_PROCESSING),
    ...(stop && { stopSignal: () => stop }),
  });
  const all = outcome.out + outcome.err;
  for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]) {
    const secret = env[name];
    if (secret !== undefined) expect(all).not.toContain(secret);
  }
  return outcome;
}

describe("stowage doctor on S3", () => {
  it("finds nothing wrong with a bucket that works, and leaves nothing in it", async () => {
    const server = await strictServer();
    const env = await settingsFor(server);
    const { code, out } = await doctor(env);
    expect(out).toContain("ok    can be reached; nothing has been stored here yet");
    expect(out).toContain("ok    works: write, read, list, delete");
    expect(out).toContain("ok    large files: parts can be started, listed and aborted");
    expect({ code, end: out.slice(-20) }).toEqual({ code: 0, end: "\n\nNo problems found\n" });
    const bucket = env["AWS_S3_BUCKET"] ?? "";
    expect(server.objects(bucket)).toEqual([]);
    expect(server.uploadsInProgress(bucket)).toEqual([]);
  });

  it.each<[string, (env: Env) => Env, string, string]>([
    [
      "a missing bucket",
      () => ({ AWS_S3_BUCKET: "no-such-bucket" }),
      "the bucket does not exist",
      "create it, or correct AWS_S3_BUCKET",
    ],
    [
      "a wrong secret",
      () => ({ AWS_SECRET_ACCESS_KEY: "another/secret" }),
      "the secret does not belong to the key id",
      "copy AWS_SECRET_ACCESS_KEY again",
    ],
    [
      "an unknown key",
      () => ({ AWS_ACCESS_KEY_ID: "AKIAOFSOMEBODYELSE00" }),
      "the server does not know the key id",
      "correct AWS_ACCESS_KEY_ID",
    ],
    [
      "a token of other keys",
      () => ({ AWS_SESSION_TOKEN: "of-other-keys" }),
      "the session token is expired or belongs to other keys",
      "get new keys",
    ],
    [
      "a server that is down",
      () => ({ AWS_ENDPOINT_URL_S3: "http://127.0.0.1:9" }),
      "cannot be reached: connection refused",
      "start the server, or correct host and port of AWS_ENDPOINT_URL_S3",
    ],
    [
      "TLS where there is none",
      (env) => ({ AWS_ENDPOINT_URL_S3: env["AWS_ENDPOINT_URL_S3"]?.replace("http:", "https:") }),
      "cannot be reached: the TLS handshake failed",
      "change http:// to https://",
    ],
  ])("says once what is wrong and what to do: %s", async (_what, change, found, advice) => {
    const env = await settingsFor(await strictServer());
    const { code, out } = await doctor({ ...env, ...change(env) });
    expect(code).toBe(1);
    expect(out).toMatch(new RegExp(`fail .*${found}.*\n +→ ${advice}`));
    expect(out).toMatch(/\n1 failed\n$/);
  });

  it("names every place where keys were looked for", async () => {
    const none = { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined };
    const env = await settingsFor(await strictServer());
    const { code, out } = await doctor({ ...env, ...none, HOME: "/nonexistent" });
    expect(code).toBe(1);
    expect(out).toMatch(/fail .*AWS_ACCESS_KEY_ID is not set.*\/nonexistent\/\.aws\/credentials/);
    expect(out).toMatch(/\n1 failed\n$/);
  });

  it("knows an expired token", async () => {
    const server = await strictServer();
    const env = await settingsFor(server);
    const secretAccessKey = env["AWS_SECRET_ACCESS_KEY"] ?? "";
    server.addKey({
      accessKeyId: "ASIATEMPORARYKEYS000",
      secretAccessKey,
      sessionToken: "temporary",
      expiresAt: Date.now() - 1000,
    });
    const keys = { AWS_ACCESS_KEY_ID: "ASIATEMPORARYKEYS000", AWS_SESSION_TOKEN: "temporary" };
    const { code, out } = await doctor({ ...env, ...keys });
    expect(code).toBe(1);
    expect(out).toContain("the session token is expired");
    expect(out).toContain("ExpiredToken");
  });

  it.each([
    ["s3:PutObject", "write", "s3:PutObject on arn:aws:s3:::BUCKET/uploads/*"],
    ["s3:GetObject", "read", "s3:GetObject on arn:aws:s3:::BUCKET/uploads/*"],
    ["s3:ListBucket", "list", "s3:ListBucket on arn:aws:s3:::BUCKET in"],
    ["s3:DeleteObject", "delete", "s3:DeleteObject on arn:aws:s3:::BUCKET/uploads/*"],
    ["s3:AbortMultipartUpload", "abort parts", "s3:AbortMultipartUpload on arn:aws:s3:::BUCKET/"],
    ["s3:ListMultipartUploadParts", "list parts", "s3:ListMultipartUploadParts on arn:aws:s3:::"],
  ])("names the permission %s where it is missing", async (action, step, line) => {
    const server = await strictServer();
    const env = await settingsFor(server);
    server.access.deny(action);
    const { code, out } = await doctor(env);
    expect(code).toBe(1);
    expect(out).toMatch(new RegExp(`fail {2}${step}: .* 403 AccessDenied: access is denied`));
    expect(out).toContain(`→ allow ${line.replace("BUCKET", env["AWS_S3_BUCKET"] ?? "")}`);
  });

  it("knows that what was deleted is denied to those who may not list", async () => {
    const server = await strictServer();
    const env = await settingsFor(server);
    server.access.deny("s3:ListBucket");
    const { out } = await doctor(env);
    for (const step of ["delete", "read its id"]) {
      const advice = "allow s3:ListBucket on [^ ]+ too, without which S3 reports missing";
      expect(out).toMatch(new RegExp(`fail {2}${step}: .*access is denied.*\\n +→ .*; ${advice}`));
    }
  });

  it("thinks of a bucket that demands encryption", async () => {
    const server = await strictServer();
    const env = await settingsFor(server);
    const AWS_S3_BUCKET = await server.makeBucket("encrypted", { denyUnencrypted: true });
    const { code, out } = await doctor({ ...env, AWS_S3_BUCKET });
    expect(code).toBe(1);
    expect(out).toMatch(/fail {2}write: .*\n +→ .*demands encryption, set AWS_S3_SSE=AES256/);
    expect(await doctor({ ...env, AWS_S3_BUCKET, AWS_S3_SSE: "AES256" })).toMatchObject({
      code: 0,
    });
  });

  it("only warns where orphaned parts cannot be looked for", async () => {
    const server = await strictServer();
    const env = await settingsFor(server);
    server.access.deny("s3:ListBucketMultipartUploads");
    const { code, out } = await doctor(env);
    expect(code).toBe(0);
    expect(out).toMatch(
      /warn {2}find orphaned parts: .*access is denied; uploads work without it\n/,
    );
    expect(out).toContain(`→ allow s3:ListBucketMultipartUploads on arn:aws:s3:::`);
  });

  it("names every permission that is missing, in one go", async () => {
    const server = await strictServer();
    const env = await settingsFor(server);
    server.access.allowOnly(["s3:PutObject"]);
    const { out } = await doctor(env);
    for (const action of ["s3:GetObject", "s3:ListBucket", "s3:DeleteObject"]) {
      expect(out).toContain(`allow ${action} on`);
    }
  });

  it.each([
    "AuthorizationHeaderMalformed",
    "PermanentRedirect",
  ] as const)("warns of a wrong region and names the right one: %s", async (wrongRegion) => {
    const env = await settingsFor(await strictServer({ region: "eu-west-3", wrongRegion }));
    const { code, out } = await doctor({ ...env, AWS_REGION: "us-east-2" });
    expect(code).toBe(0);
    expect(out).toContain(
      "warn  the bucket is in another region\n        it is in eu-west-3, but us-east-2 is set\n        → set AWS_REGION",
    );
  });

  it("measures how far the clock is off", async () => {
    const server = await strictServer();
    const env = await settingsFor(server);
    server.clockOffsetMs = 20 * 60_000;
    const { code, out } = await doctor(env);
    expect(code).toBe(0);
    expect(out).toContain(
      "warn  this machine's clock and the server's differ\n        this machine is 20 min behind\n",
    );
  });

  it("knows a web page from an S3 server", async () => {
    const env = await settingsFor(await strictServer());
    const console = createServer((_request, response) => {
      response.setHeader("content-type", "text/html").end("<!doctype html><title>Console</title>");
    }).listen(0, "127.0.0.1");
    onTestFinished(() => void console.close());
    await new Promise((resolve) => console.once("listening", resolve));
    const { port } = console.address() as AddressInfo;
    const page = await doctor({ ...env, AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}` });
    expect(page.code).toBe(1);
    expect(page.out).toContain("Unexpected response of the S3 service");
    expect(page.out).toContain("→ AWS_ENDPOINT_URL_S3 is the address of the S3 interface");
  });

  it("knows an error page from an S3 server", async () => {
    const server = await strictServer();
    const env = await settingsFor(server);
    const page = fault.answer(403, "Forbidden", {
      headers: { "content-type": "text/html" },
      body: "<html><body>Blocked</body></html>",
    });
    server.faults.add({ action: "*", do: page });
    const { code, out } = await doctor(env);
    expect(code).toBe(1);
    expect(out).toContain("the server is not an S3 server");
  });

  it("speaks of the variables that a storage of its own reads", async () => {
    const server = await strictServer();
    const env: Env = {
      ...(await settingsFor(server)),
      ARCHIVE_AWS_ACCESS_KEY_ID: server.accessKeyId,
      ARCHIVE_AWS_SECRET_ACCESS_KEY: "another/secret",
      ARCHIVE_AWS_ENDPOINT_URL_S3: server.endpoint,
    };
    const { out } = await doctor(env, [`s3://${env["AWS_S3_BUCKET"]}/uploads?env=ARCHIVE`]);
    expect(out).toContain("→ copy ARCHIVE_AWS_SECRET_ACCESS_KEY again");
    expect(out).not.toContain("another/secret");
  });

  it("does not take a misspelt option for a missing key", async () => {
    const env = await settingsFor(await strictServer());
    const { out } = await doctor(env, ["s3://files/uploads?regoin=eu-west-1"]);
    expect(out).toMatch(/fail {2}Cannot open s3 storage: .*regoin/);
  });

  it("takes the bucket and all its options from a URI", async () => {
    const server = await strictServer();
    const env = await settingsFor(server);
    const { AWS_S3_BUCKET: bucket, AWS_ENDPOINT_URL_S3: endpoint, ...rest } = env;
    const uri = `s3://${bucket}/old?endpoint=${endpoint}`;
    const { code, out } = await doctor({ ...rest, FILE_STORAGE_TYPE: "memory" }, [uri]);
    expect(out).toContain(`Storage ${uri}\n  ok    can be reached`);
    expect(code).toBe(0);
  });

  it.each([
    "GetObject",
    "PutObject",
    "CreateMultipartUpload",
    "ListParts",
  ] as const)("stops on Ctrl-C while %s hangs, and still removes its probe", async (action) => {
    const server = await strictServer();
    const env = await settingsFor(server);
    const hang = server.faults.add({ action, times: 1, do: fault.stallAnswer() });
    const stop = new AbortController();
    const running = doctor(env, [], stop.signal);
    await hang.struck;
    stop.abort();
    const { code, err } = await running;
    expect({ code, err }).toEqual({
      code: 1,
      err: "Interrupted: the remaining checks did not run\n",
    });
    hang.release();
    await server.idle();
    const bucket = env["AWS_S3_BUCKET"] ?? "";
    expect(server.objects(bucket)).toEqual([]);
    // One whose id never came back cannot be given up: S3's lifecycle rule is for those.
    if (action !== "CreateMultipartUpload") expect(server.uploadsInProgress(bucket)).toEqual([]);
  });

  it("ends as a program on Ctrl-C, whatever still hangs", async () => {
    const server = await strictServer();
    const env = { ...(await settingsFor(server)), PATH: process.env["PATH"] };
    const hang = server.faults.add({ action: "*", do: fault.stallAnswer() });
    const child = spawn(process.execPath, ["src/cli/main.ts", "doctor"], { env, stdio: "ignore" });
    onTestFinished(() => void child.kill("SIGKILL"));
    const ended = once(child, "close");
    await hang.struck;
    child.kill("SIGINT");
    expect(await ended).toEqual([1, null]);
  });
});
