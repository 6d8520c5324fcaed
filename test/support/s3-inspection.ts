import { AwsClient } from "aws4fetch";
import type { S3Endpoint } from "../s3/endpoint.ts";

/** SHA-256 of nothing: the payload of a GET. */
const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** The keys in a bucket, what the service keeps for itself left out. */
export async function keysIn(s3: S3Endpoint, bucket: string): Promise<string[]> {
  const xml = await ask(s3, `${bucket}?list-type=2`, "ListBucketResult");
  const keys = [...xml.matchAll(/<Key>(.*?)<\/Key>/g)].map(([, key]) => key ?? "");
  return keys.filter((key) => !key.includes("/.stowage/")).sort();
}

/** How many uploads in parts are under way in a bucket, or were left behind. */
export async function uploadsUnderWay(s3: S3Endpoint, bucket: string): Promise<number> {
  const xml = await ask(s3, `${bucket}?uploads=`, "ListMultipartUploadsResult");
  return xml.split("<UploadId>").length - 1;
}

/** Not through our own driver: what is found out here has to be true. */
async function ask(s3: S3Endpoint, path: string, root: string): Promise<string> {
  const { accessKeyId, secretAccessKey, region } = s3;
  const client = new AwsClient({ accessKeyId, secretAccessKey, region, service: "s3", retries: 0 });
  const headers = { "X-Amz-Content-Sha256": EMPTY };
  const xml = await (await client.fetch(`${s3.endpoint}/${path}`, { headers })).text();
  if (!xml.includes(`<${root}`)) throw new Error(`It answered ${xml}`);
  return xml;
}
