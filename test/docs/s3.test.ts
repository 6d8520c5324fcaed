import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it, onTestFinished } from "vitest";
import { S3_PERMISSIONS } from "../../drivers/s3/wire/permissions.ts";
import s3Driver from "../../drivers/s3.ts";
import { S3_SETTINGS } from "../../src/config/s3-settings.ts";
import { SETTINGS } from "../../src/config/settings.ts";
import { loadConfig } from "../../src/config.ts";
import { ownKey, type StorageDriver } from "../../src/driver.ts";
import { type StrictS3, startStrictS3 } from "../s3/strict-server.ts";
import { testDriverContext } from "../support/driver-context.ts";
import { EXPLANATIONS, explanationTable } from "./explanations.ts";

const text = readFileSync("docs/s3.md", "utf8");

/** The fenced blocks of a language, by what follows it: the name of a JSON document. */
function blocks(language: string): readonly { readonly name: string; readonly body: string }[] {
  const pattern = new RegExp(`^\`\`\`${language} ?(.*)\n([^]*?)^\`\`\`$`, "gm");
  return [...text.matchAll(pattern)].map(([, name = "", body = ""]) => ({ name, body }));
}

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: unknown;
}

function json<T>(name: string): T {
  const block = blocks("json").find((candidate) => candidate.name === name);
  return JSON.parse(block?.body ?? "") as T;
}

const actionsOf = (statement: Statement | undefined): readonly string[] =>
  [statement?.Action ?? []].flat();

const policy = json<{ Statement: readonly Statement[] }>("iam-policy").Statement;
const DENIED = { code: "storage_access_denied" };
const allowed = policy.flatMap(actionsOf);

async function storage(server: StrictS3, more: Record<string, unknown> = {}) {
  const driver = await s3Driver.open(
    {
      authority: await server.makeBucket(),
      path: "uploads",
      region: server.region,
      endpoint: server.endpoint,
      credentials: async () => server,
      partBytes: 5 * 2 ** 20,
      ...more,
    },
    testDriverContext(),
  );
  onTestFinished(() => driver.dispose?.());
  return driver;
}

async function strictServer(): Promise<StrictS3> {
  const server = await startStrictS3();
  onTestFinished(() => server.stop());
  return server;
}

/** The life of a small and a large file, and what tidies up behind others. */
async function lifeOfFiles(driver: StorageDriver): Promise<void> {
  const [small, large] = [ownKey("small"), ownKey("large")];
  await driver.put(small, { kind: "bytes", bytes: new Uint8Array(10) });
  await driver.put(large, { kind: "bytes", bytes: new Uint8Array(5 * 2 ** 20 + 1) });
  const { stream } = await driver.get(large, { range: { start: 9, end: 10 } });
  for await (const chunk of stream) expect(chunk.length).toBe(1);
  expect((await driver.list(".stowage/")).objects.length).toBe(2);
  const { failures } = await driver.delete([small, large]);
  for (const { error } of failures) throw error;
  expect(await driver.head(small)).toBe(null);
  const { multipart } = driver;
  const id = (await multipart?.create(large, {})) ?? "";
  expect(await multipart?.listParts(large, id)).toEqual([]);
  expect((await multipart?.listUploads(""))?.uploads.length).toBe(1);
  await multipart?.abort(large, id);
}

describe("docs/s3.md", () => {
  it("has a policy that is enough", async () => {
    const server = await strictServer();
    const driver = await storage(server);
    server.access.allowOnly(allowed);
    await lifeOfFiles(driver);
  });

  it.each(allowed)("has a policy with nothing to spare: not %s", async (action) => {
    const server = await strictServer();
    const driver = await storage(server);
    server.access.allowOnly(allowed.filter((other) => other !== action));
    await expect(lifeOfFiles(driver)).rejects.toMatchObject(DENIED);
  });

  it("has the policy that doctor asks for, on the same resources", () => {
    const on = (place: string) =>
      S3_PERMISSIONS.filter((permission) => permission.on === place).map(({ action }) => action);
    expect(policy.map(actionsOf)).toEqual([on("objects"), on("bucket")]);
    expect(policy.map(({ Resource }) => Resource)).toEqual([
      "arn:aws:s3:::my-uploads/uploads/*",
      "arn:aws:s3:::my-uploads",
    ]);
  });

  it("has a statement for KMS that is enough, with nothing to spare", async () => {
    const kms = actionsOf(json<Statement>("kms-statement"));
    const server = await strictServer();
    const driver = await storage(server, { sse: "aws:kms", sse_kms_key_id: "1234abcd" });
    server.access.allowOnly([...allowed, ...kms]);
    await lifeOfFiles(driver);
    for (const action of kms) {
      server.access.allowOnly([...allowed, ...kms.filter((other) => other !== action)]);
      await expect(lifeOfFiles(driver)).rejects.toMatchObject(DENIED);
    }
  });

  it("has a bucket policy that our writes satisfy, as they ask for encryption on AWS", async () => {
    const [unencrypted, plain] = json<{ Statement: readonly Statement[] }>(
      "bucket-policy",
    ).Statement;
    expect(unencrypted).toMatchObject({
      Effect: "Deny",
      Condition: { Null: { "s3:x-amz-server-side-encryption": "true" } },
    });
    expect(plain).toMatchObject({
      Effect: "Deny",
      Condition: { Bool: { "aws:SecureTransport": "false" } },
    });
    const server = await strictServer();
    const authority = await server.makeBucket("deny-unencrypted", { denyUnencrypted: true });
    await lifeOfFiles(await storage(server, { authority, sse: "AES256" }));
    const bare = await storage(server, { authority, sse: "none" });
    await expect(lifeOfFiles(bare)).rejects.toMatchObject(DENIED);
  });

  it("has JSON that parses, all of it named", () => {
    const documents = blocks("json");
    expect(documents.map(({ name }) => name)).toEqual([
      "iam-policy",
      "kms-statement",
      "bucket-policy",
      "lifecycle",
    ]);
    for (const { body } of documents) expect(() => JSON.parse(body)).not.toThrow();
  });

  it("has shell lines that parse, and settings that are accepted", () => {
    const scripts = blocks("sh").map(({ body }) => body);
    expect(scripts.length).toBeGreaterThan(5);
    let accepted = 0;
    for (const script of scripts) {
      execFileSync("bash", ["--norc", "-n"], { input: script });
      if (!script.startsWith("export")) continue;
      const exports = script.split("\n").filter((line) => line.startsWith("export"));
      const show = `set -a; ${exports.join(";")}; env`;
      const env = execFileSync("bash", ["--norc", "-c", show], { env: {}, encoding: "utf8" });
      const pairs = env
        .split("\n")
        .map((line) => /^(\w+)=(.*)$/.exec(line)?.slice(1, 3) ?? ["", ""]);
      expect(loadConfig(Object.fromEntries(pairs)).warnings, script).toEqual([]);
      accepted += 1;
    }
    expect(accepted).toBeGreaterThan(7);
  });

  it("names no variable that is not read, and every setting of S3", () => {
    const named = new Set(text.match(/\b(?:ARCHIVE_)?(?:AWS|FILE|DATABASE|STOWAGE)_[A-Z0-9_]+\b/g));
    for (const name of named) expect(Object.keys(SETTINGS)).toContain(name.replace("ARCHIVE_", ""));
    for (const name of Object.keys(S3_SETTINGS)) expect(text).toContain(`\`${name}\``);
  });

  it("has the advice of the driver", () => {
    expect(text).toContain(`\n${explanationTable(EXPLANATIONS.s3)}\n`);
  });
});
