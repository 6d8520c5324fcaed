import { createHash, randomFillSync } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { openNodeSqlite } from "../src/adapters/records/node-sqlite.ts";
import { createUploadRecords } from "../src/adapters/records/upload-records.ts";
import { parseFilename } from "../src/domain/filename.ts";
import { buildObjectKey } from "../src/domain/object-key.ts";
import { parseTenantId } from "../src/domain/tenant.ts";
import { newUploadId } from "../src/domain/upload-id.ts";

/** So many reservations and commits share a transaction. */
const AT_ONCE = 2000;

/** Of nothing: no file belongs to a seeded record. */
const SHA256 = createHash("sha256").digest("hex");

/**
 * Put `count` uploads without files into the records of a Stowage that has been started once in `folder`, through
 * the adapter that the service has. A millisecond lies between any two.
 *
 * @returns The id of the last one.
 */
export async function seed(folder: string, count: number): Promise<string> {
  const identity = await readFile(join(folder, "uploads/.stowage/storage.json"), "utf8");
  const { id: storageId } = JSON.parse(identity) as { readonly id: string };
  let now = Date.now() - count;
  const executor = await openNodeSqlite(join(folder, "stowage.db"));
  const records = createUploadRecords(executor, { now: () => now });
  const tenant = parseTenantId("default");
  let lastId = "";
  const one = async (index: number): Promise<void> => {
    now += 1;
    const id = newUploadId(now, (bytes) => randomFillSync(bytes));
    const filename = parseFilename(`file-${index}.bin`);
    const key = buildObjectKey({ tenant, uploadId: id, filename });
    const reservation = await records.reserve(
      {
        id,
        tenant,
        storageId,
        key,
        filename,
        originalFilename: filename,
        contentType: "application/octet-stream",
        createdBy: "bench",
      },
      now + 60_000,
    );
    await records.commit(reservation, {
      sizeBytes: 1024,
      sha256: SHA256,
      contentType: "application/octet-stream",
      metadata: {},
      expiresAt: null,
      process: null,
    });
    lastId = id;
  };
  for (let done = 0; done < count; done += AT_ONCE) {
    const size = Math.min(AT_ONCE, count - done);
    await Promise.all(Array.from({ length: size }, (_, index) => one(done + index)));
  }
  await records.close();
  return lastId;
}
