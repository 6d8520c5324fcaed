import { randomUUID } from "node:crypto";
import { AwsClient } from "aws4fetch";
import { hasRadosgw, startOwnRadosgw } from "../../test/s3/radosgw.ts";
import type { Place } from "./contender.ts";

/** A bucket of its own, and how to leave. */
export interface Visit extends Place {
  leave(): Promise<void>;
}

/** The server that `endpoint` names, with the usual variables for the keys; else a radosgw, started for this run. */
export async function visit(endpoint: string | undefined): Promise<Visit> {
  if (endpoint === undefined) {
    if (!hasRadosgw())
      throw new Error("Cannot measure: install it, or name a server by --endpoint");
    process.stdout.write("Starting radosgw …\n");
    const server = await startOwnRadosgw();
    const { region, accessKeyId, secretAccessKey } = server;
    const bucket = await server.makeBucket();
    const place = { endpoint: server.endpoint, region, accessKeyId, secretAccessKey, bucket };
    return { ...place, leave: () => server.stop() };
  }
  const place: Place = {
    endpoint: endpoint.replace(/\/$/, ""),
    region: process.env["AWS_REGION"] ?? "us-east-1",
    accessKeyId: required("AWS_ACCESS_KEY_ID"),
    secretAccessKey: required("AWS_SECRET_ACCESS_KEY"),
    bucket: `stowage-bench-${randomUUID()}`,
  };
  const client = new AwsClient({ ...place, service: "s3", retries: 0 });
  const answer = await client.fetch(`${place.endpoint}/${place.bucket}`, { method: "PUT" });
  if (!answer.ok) throw new Error(`Cannot make a bucket: ${answer.status} ${await answer.text()}`);
  process.stdout.write(`Using the new bucket ${place.bucket}: remove it afterwards\n`);
  return { ...place, leave: async () => {} };
}

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`Cannot sign: ${name} is not set`);
  return value;
}
