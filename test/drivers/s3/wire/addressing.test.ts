import fc from "fast-check";
import { expect, test } from "vitest";
import { createAddressing } from "../../../../drivers/s3/wire/addressing.ts";
import type { S3ClientOptions } from "../../../../drivers/s3/wire/client-options.ts";
import { isStowageError } from "../../../../src/driver.ts";

type Where = Pick<S3ClientOptions, "bucket" | "region" | "endpoint" | "pathStyle">;

const AWS: Where = { bucket: "uploads", region: "eu-central-1", endpoint: null, pathStyle: null };

function urlOf(where: Partial<Where>, objectKey?: string): string {
  const addressing = createAddressing({ ...AWS, ...where });
  return addressing.urlOf(objectKey === undefined ? {} : { objectKey });
}

function caught(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}

test.each<[string, Partial<Where>, string]>([
  ["AWS's host holds bucket and region", {}, "https://uploads.s3.eu-central-1.amazonaws.com/a/b"],
  [
    "China has a domain of its own",
    { region: "cn-north-1" },
    "https://uploads.s3.cn-north-1.amazonaws.com.cn/a/b",
  ],
  [
    "a bucket with dots goes into the path",
    { bucket: "my.bucket" },
    "https://s3.eu-central-1.amazonaws.com/my.bucket/a/b",
  ],
  [
    "an old bucket's capitals go into the path",
    { bucket: "Old_Bucket" },
    "https://s3.eu-central-1.amazonaws.com/Old_Bucket/a/b",
  ],
  [
    "dots stay in the host if set so",
    { bucket: "my.bucket", pathStyle: false },
    "https://my.bucket.s3.eu-central-1.amazonaws.com/a/b",
  ],
  [
    "path style if set so",
    { pathStyle: true },
    "https://s3.eu-central-1.amazonaws.com/uploads/a/b",
  ],
  [
    "an endpoint of AWS's keeps the bucket in the host",
    { endpoint: "https://s3.dualstack.eu-west-1.amazonaws.com" },
    "https://uploads.s3.dualstack.eu-west-1.amazonaws.com/a/b",
  ],
  [
    "a custom endpoint is path style",
    { endpoint: "http://minio.example:9000" },
    "http://minio.example:9000/uploads/a/b",
  ],
  [
    "a base path stays",
    { endpoint: "https://example.com/swift/v 1/" },
    "https://example.com/swift/v%201/uploads/a/b",
  ],
  [
    "a custom endpoint takes the bucket if set so",
    { endpoint: "https://r2.example:8443/x", pathStyle: false },
    "https://uploads.r2.example:8443/x/a/b",
  ],
  [
    "a default port is left out",
    { endpoint: "https://minio.example:443" },
    "https://minio.example/uploads/a/b",
  ],
  ["IPv6 is a host", { endpoint: "http://[::1]:9000" }, "http://[::1]:9000/uploads/a/b"],
])("urlOf(): %s", (_what, where, url) => {
  expect(urlOf(where, "a/b")).toBe(url);
});

test.each<[string, Partial<Where>, string]>([
  ["virtual host", {}, "https://uploads.s3.eu-central-1.amazonaws.com/"],
  ["path style", { pathStyle: true }, "https://s3.eu-central-1.amazonaws.com/uploads"],
])("urlOf() without a key is the bucket's own, %s", (_what, where, url) => {
  expect(urlOf(where)).toBe(url);
});

test("urlOf() encodes names and values of a query, spaces as %20", () => {
  const query = [
    ["prefix", "a b/ü+&=!'()*"],
    ["uploads", ""],
  ] as const;
  const url = createAddressing(AWS).urlOf({ query });
  expect(new URL(url).search).toBe("?prefix=a%20b%2F%C3%BC%2B%26%3D%21%27%28%29%2A&uploads=");
});

test.each([
  ".",
  "..",
  "a/../b",
  "a/./b",
  "/a",
  "a/",
  "a//b",
  "",
  "\ud800",
])("urlOf() refuses the key %j", (key) => {
  const error = caught(() => urlOf({}, key));
  expect(isStowageError(error, "invalid_key")).toBe(true);
});

test("urlOf() gives every key a URL that new URL leaves alone, and no two keys the same", () => {
  const segment = fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
    .filter((text) => !text.includes("/") && text !== "." && text !== "..");
  const key = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
  for (const where of [{}, { endpoint: "http://127.0.0.1:9000/base" }]) {
    const addressing = createAddressing({ ...AWS, ...where });
    fc.assert(
      fc.property(key, (objectKey) => {
        const url = addressing.urlOf({ objectKey });
        expect(new URL(url).href).toBe(url);
        expect(decodeURIComponent(new URL(url).pathname).endsWith(`/${objectKey}`)).toBe(true);
      }),
      { numRuns: 500 },
    );
  }
});

test.each<[string, Partial<Where>, RegExp]>([
  ["a bucket with a slash", { bucket: "uploads/prefix" }, /"uploads\/prefix" is not a bucket name/],
  ["a bucket with ..", { bucket: "a..b" }, /not a bucket name/],
  ["a bucket like an address", { bucket: "192.168.1.1" }, /not a bucket name/],
  ["too short a bucket", { bucket: "ab" }, /not a bucket name/],
  ["capitals in a host", { bucket: "Uploads", pathStyle: false }, /not a bucket name/],
  ["a region with a slash", { region: "eu/evil" }, /not a region/],
  ["a region with a dot", { region: "evil.example" }, /not a region/],
  ["an endpoint without a scheme", { endpoint: "minio.example:9000" }, /not an http\(s\) URL/],
  ["an endpoint with a password", { endpoint: "https://a:b@minio.example" }, /remove the rest/],
  ["an endpoint with a query", { endpoint: "https://minio.example?x=1" }, /remove the rest/],
  [
    "a bucket before an address",
    { endpoint: "http://127.0.0.1:9000", pathStyle: false },
    /set AWS_S3_FORCE_PATH_STYLE=true/,
  ],
])("createAddressing() refuses %s", (_what, where, message) => {
  const error = caught(() => createAddressing({ ...AWS, ...where }));
  expect(isStowageError(error, "storage_misconfigured")).toBe(true);
  expect(String(error)).toMatch(message);
});

test.each<[string, Partial<Where>, string]>([
  ["AWS's own host follows", {}, "https://uploads.s3.us-west-2.amazonaws.com/a"],
  [
    "its variants too",
    { endpoint: "https://s3-fips.us-east-1.amazonaws.com" },
    "https://uploads.s3-fips.us-west-2.amazonaws.com/a",
  ],
  [
    "any other host stays",
    { endpoint: "https://minio.example" },
    "https://minio.example/uploads/a",
  ],
  [
    "one that looks like AWS's stays",
    { endpoint: "https://s3.eu-west-1.amazonaws.com.evil.example" },
    "https://s3.eu-west-1.amazonaws.com.evil.example/uploads/a",
  ],
])("inRegion(): %s", (_what, where, url) => {
  const moved = createAddressing({ ...AWS, ...where }).inRegion("us-west-2");
  expect(moved.region).toBe("us-west-2");
  expect(moved.urlOf({ objectKey: "a" })).toBe(url);
});
