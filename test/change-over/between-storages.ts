import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { S3Endpoint } from "../s3/endpoint.ts";
import { ApiClient, type Downloaded } from "../support/api-client.ts";
import { s3Settings } from "../support/s3-app.ts";
import { keysIn } from "../support/s3-inspection.ts";
import { ServerProcess } from "../support/server-process.ts";
import { tempFolder } from "../support/temp-folder.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** Longer than a part. */
const LARGE = new Uint8Array(randomBytes(9 * 2 ** 20));

/** One service over its lifetime: the same database and key, other settings at each start. */
function service() {
  const folder = tempFolder();
  const common = {
    HOME: folder,
    DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
    // Jobs of a server that was killed are taken over soon, one after the other.
    PROCESSING_LEASE_SECONDS: "1",
    PROCESSING_CONCURRENCY: "1",
  };
  return {
    folder,
    async start(env: Record<string, string>) {
      const server = await ServerProcess.start({ ...common, ...env });
      const key = readFileSync(join(folder, "first-api-key"), "utf8").trim();
      return { server, api: new ApiClient(server.url, key) };
    },
    /** What a start says that is refused. */
    async refused(env: Record<string, string>): Promise<string> {
      const started = ServerProcess.start({ ...common, ...env });
      const said = await started.then(
        () => "it started",
        (error: Error) => error.message,
      );
      expect(said).toMatch(/^It ended with 2: Cannot start: /);
      return said;
    },
  };
}

/**
 * Change over from a folder to S3, with uploads in every state, and back again.
 *
 * @param thorough Whether settings are mistyped on the way, too.
 */
export async function changeOverAndBack(s3: S3Endpoint, thorough: boolean): Promise<void> {
  const bucket = await s3.makeBucket();
  const { folder, start, refused } = service();
  const uploads = join(folder, "uploads");
  const local = { FILE_STORAGE_TYPE: "local", FILE_STORAGE_PATH: uploads };
  const inS3 = s3Settings(s3, bucket);
  const inFolder = (id: string) => existsSync(join(uploads, "default", id));
  const before = new Map<string, Downloaded>();
  const allAsBefore = async (api: ApiClient) => {
    for (const [id, file] of before) expect(await api.file(id)).toEqual(file);
  };

  // In the folder: one processed, two that wait or are being processed when the server dies, and others.
  const first = await start(local);
  const stored = await first.api.put("große Datei.bin", LARGE);
  const empty = await first.api.put("empty.txt", new Uint8Array());
  const doomed = await first.api.put("doomed.txt", bytesOf("doomed"));
  const processed = await first.api.put("processed.txt", bytesOf("one"), "?auto_process=true");
  expect(await first.api.text(processed)).toBe("one");
  const queued = await first.api.put("queued-1.txt", bytesOf("two"), "?auto_process=true");
  const alsoQueued = await first.api.put("queued-2.txt", bytesOf("three"), "?auto_process=true");
  for (const id of [stored, empty, processed]) before.set(id, await first.api.file(id));
  for (const { sha256, etag } of before.values()) expect(etag).toBe(`"${sha256}"`);
  expect(before.get(stored)?.sizeBytes).toBe(LARGE.byteLength);
  await first.server.kill("SIGKILL");

  // Without the fallback nothing is started.
  expect(await refused(inS3)).toContain(`6 in local:${uploads} (storage `);
  if (thorough) {
    // Nor with a mistyped one, which is neither made nor written to.
    const typo = join(folder, "upload");
    const mistyped = await refused({ ...inS3, FILE_STORAGE_FALLBACK: `local:${typo}` });
    expect(mistyped).toContain(`there is no folder ${typo}`);
    expect(mistyped).toContain(`6 in local:${uploads}`);
    expect(existsSync(typo)).toBe(false);
    mkdirSync(typo);
    expect(await refused({ ...inS3, FILE_STORAGE_FALLBACK: `local:${typo}` })).toContain(
      "nothing was ever stored there",
    );
    expect(readdirSync(typo)).toEqual([]);
  }
  expect(await keysIn(s3, bucket)).toEqual([]);

  // In S3, with the folder behind it.
  const second = await start({ ...inS3, FILE_STORAGE_FALLBACK: `local:${uploads}` });
  await allAsBefore(second.api);
  expect(await second.api.text(queued)).toBe("two");
  expect(await second.api.text(alsoQueued)).toBe("three");
  await second.api.reprocess(processed);
  expect(await second.api.text(processed)).toBe("one");
  const added = await second.api.put("new.txt", bytesOf("four"), "?auto_process=true");
  expect(await second.api.text(added)).toBe("four");
  const addedLarge = await second.api.put("new große Datei.bin", LARGE);
  await second.api.delete(doomed);
  expect([doomed, added, addedLarge, stored].map(inFolder)).toEqual([false, false, false, true]);
  expect(await keysIn(s3, bucket)).toEqual(
    [
      `uploads/default/${added}/new.txt`,
      `uploads/default/${addedLarge}/new große Datei.bin`,
    ].sort(),
  );
  for (const id of [queued, processed, added, addedLarge])
    before.set(id, await second.api.file(id));
  const names = await second.api.names();
  await second.server.kill("SIGTERM");

  // Back, with the bucket behind it, by the very words that the refusal has shown.
  const refusal = await refused(local);
  const [, shown = ""] = /2 in (s3:\S+) \(storage /.exec(refusal) ?? [];
  const keys = {
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
  };
  if (thorough) {
    const wrong = shown.replace(bucket, await s3.makeBucket());
    expect(await refused({ ...local, ...keys, FILE_STORAGE_FALLBACK: wrong })).toContain(
      "nothing was ever stored there",
    );
  }
  const third = await start({ ...local, ...keys, FILE_STORAGE_FALLBACK: shown });
  expect(await third.api.names()).toEqual(names);
  await allAsBefore(third.api);
  await third.api.reprocess(added);
  expect(await third.api.text(added)).toBe("four");
  expect(await third.api.text(processed)).toBe("one");
  const last = await third.api.put("last.txt", bytesOf("five"));
  expect(inFolder(last)).toBe(true);
  await third.api.delete(addedLarge);
  expect(await keysIn(s3, bucket)).toEqual([`uploads/default/${added}/new.txt`]);
  await third.server.kill("SIGTERM");
}
