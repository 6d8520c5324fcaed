import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, onTestFinished, test, vi } from "vitest";
import type { Credentials } from "../../../../drivers/s3/wire/protocol.ts";
import { digestOf, Signer } from "../../../../drivers/s3/wire/signing.ts";
import { type Hasher, isStowageError, readAtMost } from "../../../../src/driver.ts";
import { type StrictS3Options, startStrictS3 } from "../../../s3/strict-server.ts";
import { CREDENTIALS, openClient } from "../open-client.ts";

const hash: Hasher = (algorithm) => createHash(algorithm);

async function startStrict(options: StrictS3Options = {}) {
  const server = await startStrictS3(options);
  onTestFinished(() => server.stop());
  const { accessKeyId, secretAccessKey, sessionToken, endpoint, region } = server;
  const pair: Credentials = { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
  const bucket = await server.makeBucket();
  return {
    server,
    client: openClient({ endpoint, region, bucket, credentials: async () => pair }),
  };
}

function sign(signer: Signer, url: string, now: number, headers = {}) {
  const scope = { url, region: "eu-central-1", credentials: CREDENTIALS, bodySha256: "0", now };
  return signer.sign({ action: "GetObject", method: "GET", headers }, scope);
}

test("1,000 keys of any text are put under a verified signature, each its own, and read again", async () => {
  const { server, client } = await startStrict({ basePath: "/base path" });
  const segment = fc
    .oneof(
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }),
      fc.string({
        unit: fc.constantFrom(..."%2Fe.+ ~!'()*&=?#;:@\\\"<>{}|^`[]\t\u00a0é"),
        minLength: 1,
      }),
    )
    .filter((text) => !/\/|^\.{1,2}$|\0/.test(text) && Buffer.byteLength(text) < 250);
  const key = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
  const keys = [...new Set(fc.sample(key, 1_000))];
  const next = keys.entries();
  const putSome = async (): Promise<void> => {
    for (const [index, objectKey] of next) {
      const body = new TextEncoder().encode(objectKey);
      await client.send({ action: "PutObject", method: "PUT", objectKey, body });
      if (index % 8 !== 0) continue;
      const { body: stream } = await client.send({ action: "GetObject", method: "GET", objectKey });
      expect(await readAtMost(stream ?? new ReadableStream(), 1024)).toEqual(body);
    }
  };
  await Promise.all(Array.from({ length: 8 }, putSome));
  expect(
    server
      .objects(client.bucket)
      .map((object) => object.key)
      .sort(),
  ).toEqual(keys.toSorted());
});

test("a strict server takes queries, headers and a session token of ours", async () => {
  const { client } = await startStrict({ sessionToken: "a/token+of==" });
  const body = new TextEncoder().encode("hello");
  await client.send({
    action: "PutObject",
    method: "PUT",
    objectKey: "a",
    body,
    headers: {
      "content-type": "text/plain;  charset=utf-8",
      "content-md5": createHash("md5").update(body).digest("base64"),
      "if-none-match": "*",
      "x-amz-meta-note": " many   spaces ",
    },
  });
  const read = await client.send({
    action: "GetObject",
    method: "GET",
    objectKey: "a",
    headers: { range: "bytes=1-2" },
  });
  expect(read.status).toBe(206);
  expect(await readAtMost(read.body ?? new ReadableStream(), 9)).toHaveLength(2);
  const list = await client.sendForXml({
    action: "ListObjectsV2",
    method: "GET",
    query: [
      ["prefix", "a b+c/%é'()*!"],
      ["list-type", "2"],
      ["delimiter", "/"],
      ["encoding-type", "url"],
    ],
  });
  expect(list.name).toBe("ListBucketResult");
  const started = await client.sendForXml({
    action: "CreateMultipartUpload",
    method: "POST",
    objectKey: "b",
    query: [["uploads", ""]],
  });
  expect(started.name).toBe("InitiateMultipartUploadResult");
});

test("sign() refuses a URL that would be sent otherwise than it was signed", async () => {
  for (const url of [
    "https://s3.example/a/../b",
    "https://s3.example/a/%2E%2E/b",
    "https://s3.example/é",
  ]) {
    const error = await sign(new Signer(), url, 0).catch((caught: unknown) => caught);
    expect(isStowageError(error, "invalid_key")).toBe(true);
  }
});

test("sign() refuses a header that cannot be sent, without quoting it", async () => {
  for (const value of ["secret\nx", "secret\u{1F600}"]) {
    const headers = { "x-amz-meta-note": value };
    const error = await sign(new Signer(), "https://s3.example/", 0, headers).catch(
      (caught: unknown) => caught,
    );
    expect(isStowageError(error, "invalid_metadata")).toBe(true);
    expect(String(error) + String((error as Error).cause)).not.toContain("secret");
  }
});

test("sign() keeps derived keys, but not those of days gone by", async () => {
  const imported = vi.spyOn(crypto.subtle, "importKey");
  onTestFinished(() => imported.mockRestore());
  const signer = new Signer();
  const counts: number[] = [];
  for (const day of [1, 1, 2, 3, 4, 4, 5, 1]) {
    imported.mockClear();
    await sign(signer, "https://s3.example/", Date.UTC(2026, 0, day));
    counts.push(imported.mock.calls.length);
  }
  expect(counts).toEqual([5, 1, 5, 5, 5, 1, 5, 5]);
});

test("sign() leaves accept-encoding out of the signature, and asks for none", async () => {
  const { headers } = await sign(new Signer(), "https://s3.example/", 0);
  expect(headers.get("accept-encoding")).toBe("identity");
  expect(headers.get("authorization")).not.toContain("accept-encoding");
});

test("digestOf() is the SHA-256 of any length, or the one that is at hand", async () => {
  const mebibyte = 1024 * 1024;
  for (const size of [0, 1, 8 * mebibyte, 8 * mebibyte + 1, 17 * mebibyte]) {
    const body = new Uint8Array(size).fill(7);
    expect(await digestOf({ body }, hash)).toBe(createHash("sha256").update(body).digest("hex"));
  }
  expect(await digestOf({}, hash)).toBe(createHash("sha256").digest("hex"));
  expect(await digestOf({ body: new Uint8Array(1), bodySha256: "abc" }, hash)).toBe("abc");
});

test("digestOf() lets others run between slices", async () => {
  const slices: string[] = [];
  const watching: Hasher = (algorithm) => {
    const started = createHash(algorithm);
    return {
      update(bytes) {
        slices.push("slice");
        setImmediate(() => slices.push("other"));
        started.update(bytes);
      },
      digest: () => started.digest(),
    };
  };
  await digestOf({ body: new Uint8Array(24 * 1024 * 1024) }, watching);
  expect(slices.slice(0, 5)).toEqual(["slice", "other", "slice", "other", "slice"]);
});

test("digestOf() hashes a part of the default length without waiting for others", async () => {
  let updates = 0;
  const counting: Hasher = (algorithm) => {
    const started = createHash(algorithm);
    return {
      update(bytes) {
        updates += 1;
        started.update(bytes);
      },
      digest: () => started.digest(),
    };
  };
  await digestOf({ body: new Uint8Array(8 * 1024 * 1024) }, counting);
  expect(updates).toBe(1);
});
