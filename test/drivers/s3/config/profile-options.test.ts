import { describe, expect, test } from "vitest";
import { completeOptions, S3_OPTIONS } from "../../../../drivers/s3/config/options.ts";
import { completeFromProfile } from "../../../../drivers/s3/config/profile-options.ts";
import type { Host } from "../../../../src/driver.ts";
import { testDriverContext } from "../../../support/driver-context.ts";

const CONFIG = `
[default]
region = eu-west-1
[profile a]
region = eu-west-2
endpoint_url = https://a.example
[profile both]
endpoint_url = https://both.example
services = local
s3 =
  endpoint_url = https://ignored.example
[services local]
ec2 =
  endpoint_url = https://ec2.example
s3 =
  # theirs
  endpoint_url = https://s3.example:9000
[profile "services"]
services = "missing"
endpoint_url = https://plain.example
[profile wrong]
endpoint_url = minio:9000
`;
const UNREADABLE = Object.assign(new Error("denied"), { code: "EACCES" });

interface Scene {
  readonly env?: Record<string, string>;
  readonly options?: Record<string, string>;
  readonly config?: string | Error;
}

/** Region and endpoint of a storage, by its URI's options, variables and the config file. */
async function placeOf({ env = {}, options = {}, config = CONFIG }: Scene): Promise<unknown> {
  const host: Host = {
    env: { HOME: "/home/me", ...env },
    async readTextFile(path) {
      if (config instanceof Error) throw config;
      return path === "/home/me/.aws/config" ? config : null;
    },
    spawn() {
      throw new Error("Nothing is to be run");
    },
  };
  const context = testDriverContext({ host });
  const given = S3_OPTIONS.parse({ authority: "bucket", ...options });
  const { region, endpoint } = await completeFromProfile(completeOptions(given, context), context);
  return { region, endpoint };
}

describe("the place of a storage in S3", () => {
  test.each<[string, Scene, string | undefined, string | undefined]>([
    ["nothing at all", { config: "" }, undefined, undefined],
    ["the default profile", {}, "eu-west-1", undefined],
    [
      "the profile that AWS_PROFILE names",
      { env: { AWS_PROFILE: "a" } },
      "eu-west-2",
      "https://a.example",
    ],
    [
      "AWS_REGION before AWS_DEFAULT_REGION and the profile",
      { env: { AWS_REGION: "r1", AWS_DEFAULT_REGION: "r2" } },
      "r1",
      undefined,
    ],
    [
      "AWS_DEFAULT_REGION before the profile",
      { env: { AWS_DEFAULT_REGION: "r2" } },
      "r2",
      undefined,
    ],
    [
      "AWS_ENDPOINT_URL before the profile's",
      { env: { AWS_PROFILE: "a", AWS_ENDPOINT_URL: "https://env.example" } },
      "eu-west-2",
      "https://env.example",
    ],
    [
      "the URI before everything",
      { env: { AWS_PROFILE: "a" }, options: { region: "r0", endpoint: "https://uri.example" } },
      "r0",
      "https://uri.example",
    ],
    [
      "a profile that the URI names, alone",
      { env: { AWS_REGION: "r1", AWS_ENDPOINT_URL: "https://x" }, options: { profile: "a" } },
      "eu-west-2",
      "https://a.example",
    ],
    [
      "the services of the profile before its own endpoint",
      { options: { profile: "both" } },
      undefined,
      "https://s3.example:9000",
    ],
    [
      "the profile's own where its services are missing",
      { options: { profile: "services" } },
      undefined,
      "https://plain.example",
    ],
    [
      "a prefix alone",
      { env: { AWS_REGION: "r1", AWS_PROFILE: "a", B_AWS_REGION: "r3" }, options: { env: "B" } },
      "r3",
      undefined,
    ],
    [
      "nothing under a prefix",
      { env: { AWS_REGION: "r1", AWS_PROFILE: "a" }, options: { env: "B" } },
      undefined,
      undefined,
    ],
    [
      "variables where the default profile cannot be read",
      { env: { AWS_REGION: "r1" }, config: UNREADABLE },
      "r1",
      undefined,
    ],
  ])("is set by %s", async (_what, scene, region, endpoint) => {
    expect(await placeOf(scene)).toEqual({ region, endpoint });
  });

  test.each<[string, Scene, RegExp]>([
    [
      "an endpoint that is none",
      { options: { profile: "wrong" } },
      /endpoint_url of profile "wrong" in \/home\/me\/\.aws\/config and .*; correct it, or set AWS_ENDPOINT_URL_S3$/,
    ],
    ["a file without which there is no region", { config: UNREADABLE }, /^Cannot read .*config/],
    [
      "the file of a profile that is named",
      { env: { AWS_REGION: "r1", AWS_PROFILE: "a" }, config: UNREADABLE },
      /^Cannot read .*EACCES/,
    ],
    [
      "the file of a profile that the URI names",
      { options: { region: "r1", profile: "a" }, config: UNREADABLE },
      /^Cannot read .*EACCES/,
    ],
  ])("is refused for %s", async (_what, scene, message) => {
    const error = await placeOf(scene).catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      code: "storage_misconfigured",
      message: expect.stringMatching(message),
    });
  });

  test("reads no file where everything is set", async () => {
    const options = { region: "r0", endpoint: "https://uri.example", profile: "a" };
    expect(await placeOf({ options, config: UNREADABLE })).toMatchObject({ region: "r0" });
  });
});
