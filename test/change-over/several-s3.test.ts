import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import s3Driver from "../../drivers/s3.ts";
import { hasher } from "../../src/adapters/hasher.ts";
import { migrate } from "../../src/adapters/records/migrations.ts";
import { openNodeSqlite } from "../../src/adapters/records/node-sqlite.ts";
import { createUploadRecords } from "../../src/adapters/records/upload-records.ts";
import { sniffer } from "../../src/adapters/sniffer.ts";
import { DriverRegistry } from "../../src/application/storages/driver-registry.ts";
import { openStorages } from "../../src/application/storages/open-storages.ts";
import { loadConfig } from "../../src/config.ts";
import { parseObjectKey } from "../../src/domain/object-key.ts";
import { SILENT } from "../../src/domain/ports/logger.ts";
import { createNodeHost } from "../../src/runtime/host-node.ts";
import { startStrictS3 } from "../s3/strict-server.ts";
import { testDriverContext } from "../support/driver-context.ts";
import { bytesOf, textOf } from "../support/services.ts";
import { tempFolder } from "../support/temp-folder.ts";

const KEY = parseObjectKey("acme/0199e4d4-0000-7000-8000-000000000001/a.txt");

/** An S3 account with one bucket and one key pair of its own. */
async function account(region: string, name: string) {
  const s3 = await startStrictS3({ region });
  onTestFinished(() => s3.stop());
  const pair = { accessKeyId: `AKIA${name.toUpperCase()}`, secretAccessKey: `${name}-secret` };
  s3.addKey(pair);
  return { s3, ...pair, bucket: await s3.makeBucket(name) };
}

test("three S3 storages at once, each with keys, region and endpoint of its own", async () => {
  const main = await account("eu-central-1", "main");
  const archive = await account("us-east-2", "archive");
  const old = await account("ap-south-1", "old");
  const home = tempFolder();
  mkdirSync(join(home, ".aws"));
  writeFileSync(
    join(home, ".aws", "credentials"),
    `[old]\naws_access_key_id = ${old.accessKeyId}\naws_secret_access_key = ${old.secretAccessKey}\n`,
  );
  writeFileSync(join(home, ".aws", "config"), "[profile old]\nregion = ap-south-1\n");
  const env = {
    HOME: home,
    FILE_STORAGE_TYPE: "s3",
    AWS_S3_BUCKET: main.bucket,
    AWS_REGION: "eu-central-1",
    AWS_ENDPOINT_URL_S3: main.s3.endpoint,
    AWS_ACCESS_KEY_ID: main.accessKeyId,
    AWS_SECRET_ACCESS_KEY: main.secretAccessKey,
    ARCHIVE_AWS_REGION: "us-east-2",
    ARCHIVE_AWS_ENDPOINT_URL_S3: archive.s3.endpoint,
    ARCHIVE_AWS_ACCESS_KEY_ID: archive.accessKeyId,
    ARCHIVE_AWS_SECRET_ACCESS_KEY: archive.secretAccessKey,
    FILE_STORAGE_FALLBACK: `s3://archive/uploads?env=ARCHIVE,s3://old/uploads?profile=old&endpoint=${encodeURIComponent(old.s3.endpoint)}`,
  };
  const clock = { now: Date.now };
  const executor = await openNodeSqlite(":memory:");
  onTestFinished(() => executor.close());
  await migrate(executor);
  const { random } = testDriverContext();
  const parts = {
    registry: new DriverRegistry([s3Driver]),
    context: () => testDriverContext({ host: { ...createNodeHost(), env } }),
    records: createUploadRecords(executor, clock),
    hasher,
    sniffer,
    clock,
    random,
    logger: SILENT,
  };
  const { primary, fallbacks } = loadConfig(env).storage;
  // Each was in use for itself once.
  for (const [index, uri] of fallbacks.entries()) {
    const before = await openStorages(uri, [], parts);
    await before.primary.save(KEY, { kind: "bytes", bytes: bytesOf(`fallback ${index}`) });
    await before.close();
  }
  const storages = await openStorages(primary, fallbacks, parts);
  onTestFinished(() => storages.close());
  await storages.primary.save(KEY, { kind: "bytes", bytes: bytesOf("primary") });

  const texts = await Promise.all(
    storages.all.map(async (storage) => await textOf((await storage.retrieve(KEY)).stream)),
  );
  expect(texts).toEqual(["fallback 0", "fallback 1", "primary"]);
  for (const { s3, accessKeyId, bucket } of [main, archive, old]) {
    expect(s3.objects(bucket).map(({ key }) => key)).toContain(`uploads/${KEY}`);
    expect(s3.requests.length).toBeGreaterThan(0);
    for (const { headers } of s3.requests) {
      expect(headers.get("authorization")).toContain(`Credential=${accessKeyId}/`);
      expect(headers.get("authorization")).toContain(`/${s3.region}/s3/`);
    }
  }
});
