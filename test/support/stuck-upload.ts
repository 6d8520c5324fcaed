import { readFileSync } from "node:fs";
import { type ClientRequest, request } from "node:http";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished } from "vitest";
import { type StrictS3, startStrictS3 } from "../s3/strict-server.ts";
import { s3Settings } from "./s3-app.ts";
import { ServerProcess } from "./server-process.ts";
import { tempFolder } from "./temp-folder.ts";

/** The actions that the S3 driver asks for: none that lists the uploads under way. */
const LEAST = [
  "PutObject",
  "GetObject",
  "DeleteObject",
  "ListBucket",
  "AbortMultipartUpload",
  "ListMultipartUploadParts",
].map((name) => `s3:${name}`);

/** The driver's own, in a process that has not heard of another. */
const PART_BYTES = 8 * 2 ** 20;

/** A server over S3 in the middle of a large upload: two parts are sent, and the client says nothing more. */
export async function stuckUpload(): Promise<{
  readonly server: ServerProcess;
  readonly upload: ClientRequest;
  /** The id of its multipart upload. */
  readonly multipartId: string;
  /** Its settings, for another server beside it or after it. */
  readonly env: Readonly<Record<string, string>>;
  readonly s3: StrictS3;
  readonly bucket: string;
  /** What the records hold. */
  rows(): { status: unknown; id: unknown }[];
  /** As if the leases of all reservations had ended meanwhile. */
  endLeases(): void;
}> {
  const s3 = await startStrictS3();
  onTestFinished(() => s3.stop());
  const bucket = await s3.makeBucket();
  s3.access.allowOnly(LEAST);
  const folder = tempFolder();
  const database = join(folder, "stowage.db");
  const env = {
    ...s3Settings(s3, bucket),
    DATABASE_URL: `sqlite:${database}`,
    RECONCILE_INTERVAL_SECONDS: "1",
  };
  const server = await ServerProcess.start(env);
  const key = readFileSync(join(folder, "first-api-key"), "utf8").trim();
  const upload = request(`${server.url}/api/v1/upload/a.bin`, {
    method: "PUT",
    headers: { authorization: `Bearer ${key}` },
  });
  upload.on("error", () => {});
  onTestFinished(() => void upload.destroy());
  upload.write(new Uint8Array(2 * PART_BYTES + 1));
  const parts = () => s3.uploadsInProgress(bucket).flatMap((one) => [...one.parts.keys()]);
  await expect.poll(() => parts().sort(), { timeout: 20_000 }).toEqual([1, 2]);
  const inDatabase = <Result>(work: (db: DatabaseSync) => Result): Result => {
    const db = new DatabaseSync(database);
    try {
      return work(db);
    } finally {
      db.close();
    }
  };
  return {
    server,
    upload,
    env,
    s3,
    bucket,
    multipartId: s3.uploadsInProgress(bucket)[0]?.id ?? "",
    rows: () =>
      inDatabase((db) =>
        db
          .prepare("SELECT status, multipart_id FROM uploads")
          .all()
          .map((row) => ({ status: row["status"], id: row["multipart_id"] })),
      ),
    endLeases: () => inDatabase((db) => db.exec("UPDATE uploads SET lease_until = 0")),
  };
}
