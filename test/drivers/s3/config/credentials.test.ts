import { expect, test } from "vitest";
import { credentialSource } from "../../../../drivers/s3/config/credentials.ts";
import type { Credentials } from "../../../../drivers/s3/wire/protocol.ts";
import { type Host, isStowageError } from "../../../../src/driver.ts";

const STATIC = "aws_access_key_id = AKIA1\naws_secret_access_key = secret1\n";

/** A host with these variables and files; `files` may change between reads. */
function hostOf(env: Host["env"], files: Record<string, string> = {}): Host & { reads: string[] } {
  const reads: string[] = [];
  return {
    env,
    reads,
    async readTextFile(path) {
      reads.push(path);
      return files[path] ?? null;
    },
    spawn() {
      throw new Error("Nothing is to be run");
    },
  };
}

function ask(host: Host, place = {}, now = () => 0): Promise<Credentials> {
  return credentialSource(place, { host, now })();
}

const BAD_ACCESS_KEY = { AWS_ACCESS_KEY_ID: "AKIA0", AWS_SECRET_ACCESS_KEY: "secret0" };
const HOME = { HOME: "/home/me" };
const CREDENTIALS_FILE = "/home/me/.aws/credentials";
const CONFIG_FILE = "/home/me/.aws/config";

test.each<[string, Host, object, Credentials]>([
  ["variables", hostOf(BAD_ACCESS_KEY), {}, { accessKeyId: "AKIA0", secretAccessKey: "secret0" }],
  [
    "variables with a session token and stray whitespace",
    hostOf({ ...BAD_ACCESS_KEY, AWS_SECRET_ACCESS_KEY: "secret0\n", AWS_SESSION_TOKEN: " token " }),
    {},
    { accessKeyId: "AKIA0", secretAccessKey: "secret0", sessionToken: "token" },
  ],
  [
    "variables before the profile that AWS_PROFILE names",
    hostOf(
      { ...BAD_ACCESS_KEY, ...HOME, AWS_PROFILE: "a" },
      { [CREDENTIALS_FILE]: `[a]\n${STATIC}` },
    ),
    {},
    { accessKeyId: "AKIA0", secretAccessKey: "secret0" },
  ],
  [
    "variables with a prefix",
    hostOf({
      ...BAD_ACCESS_KEY,
      ARCHIVE_AWS_ACCESS_KEY_ID: "AKIA2",
      ARCHIVE_AWS_SECRET_ACCESS_KEY: "secret2",
    }),
    { env: "ARCHIVE" },
    { accessKeyId: "AKIA2", secretAccessKey: "secret2" },
  ],
  [
    "the default profile",
    hostOf(HOME, { [CREDENTIALS_FILE]: `[default]\n${STATIC}` }),
    {},
    { accessKeyId: "AKIA1", secretAccessKey: "secret1" },
  ],
  [
    "the profile that AWS_PROFILE names, in the config file",
    hostOf({ ...HOME, AWS_PROFILE: "a" }, { [CONFIG_FILE]: `[profile a]\n${STATIC}` }),
    {},
    { accessKeyId: "AKIA1", secretAccessKey: "secret1" },
  ],
  [
    "an explicit profile before variables",
    hostOf(
      { ...BAD_ACCESS_KEY, ...HOME },
      { [CREDENTIALS_FILE]: `[a]\n${STATIC}aws_session_token=t\n` },
    ),
    { profile: "a" },
    { accessKeyId: "AKIA1", secretAccessKey: "secret1", sessionToken: "t" },
  ],
  [
    "files that variables name",
    hostOf({ AWS_SHARED_CREDENTIALS_FILE: "/run/keys" }, { "/run/keys": `[default]\n${STATIC}` }),
    {},
    { accessKeyId: "AKIA1", secretAccessKey: "secret1" },
  ],
  [
    "a home of Windows",
    hostOf({ USERPROFILE: "C:\\me" }, { "C:\\me/.aws/credentials": `[default]\r\n${STATIC}` }),
    {},
    { accessKeyId: "AKIA1", secretAccessKey: "secret1" },
  ],
  [
    "the credentials file before the config file",
    hostOf(HOME, {
      [CREDENTIALS_FILE]: `[default]\n${STATIC}`,
      [CONFIG_FILE]: "[default]\naws_access_key_id = other\naws_secret_access_key = other\n",
    }),
    {},
    { accessKeyId: "AKIA1", secretAccessKey: "secret1" },
  ],
])("credentialSource() reads %s", async (_what, host, place, credentials) => {
  expect(await ask(host, place)).toEqual(credentials);
});

test.each<[string, Host, object, RegExp]>([
  [
    "nothing anywhere",
    hostOf(HOME),
    {},
    /AWS_ACCESS_KEY_ID is not set.* profile "default" in \/home\/me\/\.aws\/config and \/home\/me\/\.aws\/credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/,
  ],
  ["no home either", hostOf({}), {}, /profile "default" in any file, since HOME is not set/],
  [
    "a place that this version does not read",
    hostOf({ AWS_WEB_IDENTITY_TOKEN_FILE: "/run/token" }),
    {},
    /AWS_WEB_IDENTITY_TOKEN_FILE is set, which is not supported/,
  ],
  [
    "a key without its secret",
    hostOf({ AWS_ACCESS_KEY_ID: "a" }),
    {},
    /AWS_SECRET_ACCESS_KEY is not; set both/,
  ],
  [
    "a secret without its key",
    hostOf({ AWS_SECRET_ACCESS_KEY: "s3cr3t" }),
    {},
    /AWS_ACCESS_KEY_ID is not; set both/,
  ],
  [
    "a prefix without variables",
    hostOf(BAD_ACCESS_KEY),
    { env: "ARCHIVE" },
    /ARCHIVE_AWS_ACCESS_KEY_ID is not set; set/,
  ],
  [
    "half a pair under a prefix",
    hostOf({ ...BAD_ACCESS_KEY, ARCHIVE_AWS_ACCESS_KEY_ID: "a" }),
    { env: "ARCHIVE" },
    /ARCHIVE_AWS_SECRET_ACCESS_KEY is not; set both/,
  ],
  [
    "a profile that is not there",
    hostOf({ ...BAD_ACCESS_KEY, ...HOME }),
    { profile: "a" },
    /no profile "a" in .*credentials; add it/,
  ],
  [
    "half a pair in a profile",
    hostOf(HOME, { [CREDENTIALS_FILE]: "[default]\naws_access_key_id = AKIA1\n" }),
    {},
    /aws_secret_access_key in profile "default" of .* is not; set both/,
  ],
  [
    "a profile without keys",
    hostOf(HOME, { [CONFIG_FILE]: "[default]\nregion = x\n" }),
    {},
    /has no aws_access_key_id; add it/,
  ],
  ...(
    [
      "role_arn",
      "sso_session",
      "sso_start_url",
      "credential_process",
      "web_identity_token_file",
    ] as const
  ).map((setting): [string, Host, object, RegExp] => [
    `a profile with ${setting}`,
    hostOf(HOME, { [CONFIG_FILE]: `[default]\n${STATIC}${setting} = x\n` }),
    {},
    new RegExp(`${setting}\\), which is not supported`),
  ]),
])("credentialSource() explains %s", async (_what, host, place, message) => {
  const error = await ask(host, place).catch((caught: unknown) => caught);
  expect(isStowageError(error, "storage_misconfigured")).toBe(true);
  expect(String(error)).toMatch(message);
  expect(String(error)).not.toMatch(/s3cr3t|AKIA1|secret1/);
});

test("credentialSource() refuses env and profile together, and a runtime without environment", async () => {
  const now = () => 0;
  expect(() => credentialSource({ env: "A", profile: "b" }, { host: hostOf({}), now })).toThrow(
    /exclude each other/,
  );
  await expect(credentialSource({}, { now })()).rejects.toThrow(/pass them in code/);
});

test("credentialSource() names a file that cannot be read", async () => {
  const host: Host = {
    ...hostOf(HOME),
    readTextFile: () => Promise.reject(Object.assign(new Error("denied"), { code: "EACCES" })),
  };
  await expect(ask(host)).rejects.toThrow(
    /Cannot read \/home\/me\/\.aws\/config: it exists but cannot be read \(EACCES\)/,
  );
});

test("credentialSource() reads files once for many requests, and again after a while", async () => {
  const files = { [CREDENTIALS_FILE]: `[default]\n${STATIC}` };
  const host = hostOf(HOME, files);
  let now = 0;
  const source = credentialSource({}, { host, now: () => now });
  await Promise.all([source(), source(), source()]);
  await source();
  expect(host.reads).toHaveLength(2);
  files[CREDENTIALS_FILE] = files[CREDENTIALS_FILE].replaceAll("1", "9");
  expect((await source()).accessKeyId).toBe("AKIA1");
  now = 5_000;
  expect((await source()).accessKeyId).toBe("AKIA9");
});

test("credentialSource() reads files at once when what it gave is refused", async () => {
  const files = { [CREDENTIALS_FILE]: `[default]\n${STATIC}` };
  const host = hostOf(HOME, files);
  const source = credentialSource({}, { host, now: () => 0 });
  const refused = await source();
  files[CREDENTIALS_FILE] = files[CREDENTIALS_FILE].replaceAll("1", "9");
  const others = await source(undefined, { ...refused });
  expect(others.accessKeyId).toBe("AKIA9");
  // Another call was refused with the old ones: the new ones are at hand.
  expect(await source(undefined, refused)).toBe(others);
  expect(host.reads).toHaveLength(4);
});

test("credentialSource() tries again after a failure", async () => {
  const files: Record<string, string> = {};
  const source = credentialSource({}, { host: hostOf(HOME, files), now: () => 0 });
  await expect(source()).rejects.toThrow();
  files[CREDENTIALS_FILE] = `[default]\n${STATIC}`;
  expect((await source()).accessKeyId).toBe("AKIA1");
});
