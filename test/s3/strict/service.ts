import { randomUUID } from "node:crypto";
import { AccessPolicy, accessDenied } from "./access.ts";
import { HANDLERS } from "./actions.ts";
import { checkIsEncrypted, usesKms } from "./attributes.ts";
import { type Action, type Call, empty, type Reply, type ServiceRules, xml } from "./call.ts";
import { refuseConditions } from "./conditions.ts";
import { S3Error } from "./errors.ts";
import { copySourceKey } from "./objects.ts";
import type { Bucket } from "./store.ts";
import { document, type XmlContent } from "./xml.ts";

const MAX_KEY_BYTES = 1024;
const SSE = "x-amz-server-side-encryption";

/** A call whose signature is right, before its body was read. */
export interface Arrival extends Omit<Call, "bucket" | "key" | "body" | "refuseDeletion"> {
  readonly action: Action;
  readonly bucketName: string | undefined;
  readonly key: string | undefined;
}

/** The buckets, and who may do what to them. Knows nothing of HTTP. */
export class Service {
  readonly access = new AccessPolicy();
  readonly #buckets = new Map<string, Bucket>();

  createBucket(
    options: { readonly name?: string | undefined; readonly denyUnencrypted?: boolean },
    now: number,
  ): string {
    const name = options.name ?? `test-${randomUUID()}`;
    if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name)) {
      throw new S3Error("InvalidBucketName", "The specified bucket is not valid");
    }
    if (this.#buckets.has(name)) {
      throw new S3Error("BucketAlreadyOwnedByYou", "You already own this bucket");
    }
    const denyUnencrypted = options.denyUnencrypted ?? false;
    const contents = { objects: new Map(), uploads: new Map() };
    this.#buckets.set(name, { name, createdAt: now, denyUnencrypted, ...contents });
    return name;
  }

  /** @throws {S3Error} `NoSuchBucket`. */
  bucket(name: string | undefined): Bucket {
    const bucket = this.#buckets.get(name ?? "");
    if (bucket) return bucket;
    throw new S3Error("NoSuchBucket", "The specified bucket does not exist", {
      BucketName: name ?? "",
    });
  }

  /** All that can be refused before the body is read. @throws {S3Error} */
  admit(arrival: Arrival): void {
    const { action, key, headers } = arrival;
    if (action === "ListBuckets" || action === "CreateBucket") {
      this.access.check(action, undefined, false);
      return;
    }
    const bucket = this.bucket(arrival.bucketName);
    if (key !== undefined && Buffer.byteLength(key) > MAX_KEY_BYTES) {
      throw new S3Error("KeyTooLongError", "Your key is too long");
    }
    const upload = bucket.uploads.get(arrival.query.get("uploadId") ?? "");
    const existing = upload?.headers ?? bucket.objects.get(key ?? "")?.headers;
    const writes = action === "PutObject" || action === "CreateMultipartUpload";
    this.access.check(action, key, writes ? headers.get(SSE) === "aws:kms" : usesKms(existing));
    if (action === "CopyObject") {
      this.access.check("GetObject", copySourceKey(headers, bucket.name), false);
    }
    if (arrival.rules.refusesConditions) refuseConditions(action, headers);
    if (bucket.denyUnencrypted && (writes || action === "CopyObject")) checkIsEncrypted(headers);
  }

  /** @throws {S3Error} */
  perform(arrival: Arrival, body: Uint8Array, refuseDeletion?: Call["refuseDeletion"]): Reply {
    const { action, now } = arrival;
    if (action === "ListBuckets") return this.#listBuckets();
    if (action === "CreateBucket") {
      return empty(200, { location: `/${this.createBucket({ name: arrival.bucketName }, now)}` });
    }
    const bucket = this.bucket(arrival.bucketName);
    if (action === "DeleteBucket") return this.#deleteBucket(bucket);
    try {
      return HANDLERS[action]({
        ...arrival,
        bucket,
        key: arrival.key ?? "",
        body,
        refuseDeletion: (key) =>
          this.access.may("s3:DeleteObject", key) ? refuseDeletion?.(key) : "AccessDenied",
      });
    } catch (error) {
      // A caller that may not list does not learn what is missing.
      const isMissing = error instanceof S3Error && error.code === "NoSuchKey";
      if (isMissing && !this.access.may("s3:ListBucket")) throw accessDenied("s3:ListBucket");
      throw error;
    }
  }

  #deleteBucket(bucket: Bucket): Reply {
    if (bucket.objects.size > 0) {
      throw new S3Error("BucketNotEmpty", "The bucket you tried to delete is not empty");
    }
    this.#buckets.delete(bucket.name);
    return empty(204);
  }

  #listBuckets(): Reply {
    const buckets = [...this.#buckets.values()].map(({ name, createdAt }): [string, XmlContent] => [
      "Bucket",
      [
        ["Name", name],
        ["CreationDate", new Date(createdAt).toISOString()],
      ],
    ]);
    return xml(document("ListAllMyBucketsResult", [["Buckets", buckets]]));
  }
}

export const S3_RULES: ServiceRules = {
  minPartBytes: 5 * 1024 ** 2,
  maxPutBytes: 5 * 1024 ** 3,
  uniformParts: false,
  refusesConditions: false,
  maxDeleteKeys: 1000,
  pageSize: 1000,
};
