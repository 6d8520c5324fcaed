import { describe, expect, test } from "vitest";
import s3 from "../../../../drivers/s3.ts";
import type { Host } from "../../../../src/domain/ports/host.ts";
import { parseStorageUri } from "../../../../src/domain/storage-uri.ts";
import { type DriverContext, parseObjectKey, type StorageDriver } from "../../../../src/driver.ts";
import { testDriverContext } from "../../../support/driver-context.ts";

const KEYS = { AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: "secret" };
const PROFILES = `[default]
region = eu-north-1
[old]
region = ap-south-1
aws_access_key_id = AKIDOLD
aws_secret_access_key = secret
`;

/** A host with an environment and the files of the AWS command line. */
function hostWith(env: Record<string, string>): Host {
  return {
    env: { HOME: "/home/somebody", ...env },
    async readTextFile(path) {
      return path.endsWith("/credentials") ? PROFILES : null;
    },
    spawn() {
      throw new Error("Nothing is started");
    },
  };
}

/** Open a URI as the registry does. */
async function openUri(text: string, context: Partial<DriverContext> = {}): Promise<StorageDriver> {
  const { authority, path, options } = parseStorageUri(text);
  return await s3.open({ ...options, authority, path }, testDriverContext(context));
}

/** What a put sends, by URI and environment. */
async function sentBy(uri: string, env: Record<string, string> = KEYS): Promise<Request> {
  const sent: Request[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    sent.push(new Request(input, init));
    return new Response(null, { headers: { etag: '"x"', date: "Tue, 24 Nov 2026 00:00:00 GMT" } });
  };
  const driver = await openUri(uri, { fetch, host: hostWith(env) });
  await driver.put(parseObjectKey("a b/c"), { kind: "bytes", bytes: new Uint8Array(1) });
  const [request] = sent;
  if (request === undefined) throw new Error("Nothing was sent");
  return request;
}

const regionOf = (request: Request) =>
  /Credential=[^/]+\/\d+\/([^/]+)\//.exec(request.headers.get("authorization") ?? "")?.[1];

describe("the s3 driver's options", () => {
  test("address AWS by bucket and region, and encrypt there unless set otherwise", async () => {
    const request = await sentBy("s3://my-bucket/up/loads?region=eu-west-1");
    expect(request.url).toBe("https://my-bucket.s3.eu-west-1.amazonaws.com/up/loads/a%20b/c");
    expect(request.headers.get("x-amz-server-side-encryption")).toBe("AES256");
    const plain = await sentBy("s3://my-bucket?region=eu-west-1&sse=none");
    expect(plain.headers.get("x-amz-server-side-encryption")).toBeNull();
    const frankfurt = "https://s3.eu-central-1.amazonaws.com";
    const explicit = await sentBy(`s3://my-bucket?endpoint=${frankfurt}&region=eu-central-1`);
    expect(explicit.headers.get("x-amz-server-side-encryption")).toBe("AES256");
  });

  test("address another server by path, without encryption unless asked for", async () => {
    const uri = "s3://my-bucket/p?endpoint=https://minio.example:9000/base";
    const request = await sentBy(uri);
    expect(request.url).toBe("https://minio.example:9000/base/my-bucket/p/a%20b/c");
    expect(request.headers.get("x-amz-server-side-encryption")).toBeNull();
    const asked = await sentBy(
      `${uri}&sse=aws:kms&sse_kms_key_id=arn:aws:kms:x&storage_class=STANDARD_IA&path_style=false`,
    );
    expect(asked.url).toBe("https://my-bucket.minio.example:9000/base/p/a%20b/c");
    expect(asked.headers.get("x-amz-server-side-encryption")).toBe("aws:kms");
    expect(asked.headers.get("x-amz-server-side-encryption-aws-kms-key-id")).toBe("arn:aws:kms:x");
    expect(asked.headers.get("x-amz-storage-class")).toBe("STANDARD_IA");
  });

  test("leave to the environment what the URI does not say", async () => {
    const env = {
      ...KEYS,
      AWS_DEFAULT_REGION: "eu-west-3",
      AWS_ENDPOINT_URL: "https://one.example",
      AWS_ENDPOINT_URL_S3: "https://two.example",
      AWS_S3_FORCE_PATH_STYLE: "false",
      AWS_S3_SSE: "AES256",
      AWS_S3_STORAGE_CLASS: "ONEZONE_IA",
    };
    const request = await sentBy("s3://my-bucket", env);
    expect(request.url).toBe("https://my-bucket.two.example/a%20b/c");
    expect(regionOf(request)).toBe("eu-west-3");
    expect(request.headers.get("x-amz-storage-class")).toBe("ONEZONE_IA");
    expect(request.headers.get("x-amz-server-side-encryption")).toBe("AES256");
    const own = await sentBy("s3://my-bucket?sse=none&region=us-west-2&path_style=true", env);
    expect(own.url).toBe("https://two.example/my-bucket/a%20b/c");
    expect(regionOf(own)).toBe("us-west-2");
    expect(own.headers.get("x-amz-server-side-encryption")).toBeNull();
  });

  test("keep two storages apart by env and by profile", async () => {
    const env = {
      ...KEYS,
      AWS_REGION: "eu-west-1",
      AWS_ENDPOINT_URL: "https://one.example",
      ARCHIVE_AWS_ACCESS_KEY_ID: "AKIDARCHIVE",
      ARCHIVE_AWS_SECRET_ACCESS_KEY: "secret",
      ARCHIVE_AWS_REGION: "sa-east-1",
      ARCHIVE_AWS_S3_SSE: "none",
    };
    const archive = await sentBy("s3://my-bucket?env=ARCHIVE", env);
    expect(new URL(archive.url).host).toBe("my-bucket.s3.sa-east-1.amazonaws.com");
    expect(archive.headers.get("authorization")).toContain("Credential=AKIDARCHIVE/");
    expect(archive.headers.get("x-amz-server-side-encryption")).toBeNull();
    const old = await sentBy("s3://my-bucket?profile=old", env);
    expect(new URL(old.url).host).toBe("my-bucket.s3.ap-south-1.amazonaws.com");
    expect(old.headers.get("authorization")).toContain("Credential=AKIDOLD/");
  });

  test("take the region of the profile, and us-east-1 in the end", async () => {
    expect(regionOf(await sentBy("s3://my-bucket"))).toBe("eu-north-1");
    expect(regionOf(await sentBy("s3://my-bucket", { ...KEYS, AWS_PROFILE: "none" }))).toBe(
      "us-east-1",
    );
  });

  test("send nothing before the first request", async () => {
    const host = hostWith({});
    const fetch = (): never => {
      throw new Error("Something was sent");
    };
    const driver = await openUri("s3://my-bucket", { host, fetch });
    await driver.dispose?.();
  });

  test("bring prefixes into one form, and count them into the length of keys", async () => {
    for (const prefix of ["up/loads", "/up/loads/", "up//loads", "./up/./loads//"]) {
      const request = await sentBy(`s3://my-bucket/${prefix}?region=eu-west-1`);
      expect(new URL(request.url).pathname).toBe("/up/loads/a%20b/c");
    }
    expect((await openUri("s3://my-bucket/ä/")).limits.maxKeyBytes).toBe(1024 - 3);
  });

  test("name everything that is wrong with a URI at once", async () => {
    const uri =
      "s3:///a/../b?region=eu%20west&endpoint=minio:9000&path_style=yes&sse=rot13&storage_class=GLACIER&regoin=x";
    const opening = openUri(uri);
    await expect(opening).rejects.toMatchObject({ code: "storage_misconfigured" });
    const { message } = await opening.then(
      () => new Error("It opened"),
      (error: unknown) => error as Error,
    );
    for (const name of [
      ...["authority", "path", "region", "endpoint", "path_style", "sse", "storage_class"],
      "regoin",
    ]) {
      expect(message).toContain(name);
    }
  });

  test("name every wrong variable, by the name that it was read from", async () => {
    const host = hostWith({
      ARCHIVE_AWS_S3_SSE: "rot13",
      ARCHIVE_AWS_ENDPOINT_URL: "ftp://x",
      ARCHIVE_AWS_S3_FORCE_PATH_STYLE: "maybe",
    });
    const { message } = await openUri("s3://my-bucket?env=ARCHIVE", { host }).then(
      () => new Error("It opened"),
      (error: unknown) => error as Error,
    );
    expect(message).toContain("ARCHIVE_AWS_S3_SSE: ");
    expect(message).toContain("ARCHIVE_AWS_ENDPOINT_URL: ");
    expect(message).toContain("ARCHIVE_AWS_S3_FORCE_PATH_STYLE: ");
  });

  test("refuse what contradicts itself, and buckets that make no address", async () => {
    for (const uri of [
      "s3://my-bucket?env=ARCHIVE&profile=old",
      "s3://my-bucket?sse_kms_key_id=x",
      "s3://my-bucket?sse=AES256&sse_kms_key_id=x",
      "s3://..?region=eu-west-1",
      "s3://my%2Fbucket?region=eu-west-1",
    ]) {
      await expect(openUri(uri), uri).rejects.toMatchObject({ code: "storage_misconfigured" });
    }
  });

  test("say of each service what it can do", async () => {
    const aws = await openUri("s3://my-bucket?region=eu-west-1");
    const r2 = await openUri("s3://my-bucket?endpoint=https://x.r2.cloudflarestorage.com");
    const ceph = await openUri("s3://my-bucket?endpoint=https://ceph.example");
    expect([aws, r2, ceph].map(({ limits }) => limits.atomicIfNoneMatch)).toEqual([
      true,
      false,
      false,
    ]);
    expect([aws, r2, ceph].map(({ limits }) => limits.parts?.uniform)).toEqual([
      false,
      true,
      false,
    ]);
  });
});
