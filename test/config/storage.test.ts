import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SETTINGS } from "../../src/config/settings.ts";
import { ConfigError, type ConfigProblem, loadConfig } from "../../src/config.ts";
import { parseStorageUri } from "../../src/domain/storage-uri.ts";

type Env = Record<string, string | undefined>;

const S3 = { FILE_STORAGE_TYPE: "s3", AWS_S3_BUCKET: "files" };
const KEYS = { AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: "wJalr/hunter2" };

const primary = (env: Env) => loadConfig({ ...S3, ...env }).storage.primary;
const warnings = (env: Env) => loadConfig(env).warnings;

function problemsOf(env: Env): readonly ConfigProblem[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

/** The one problem of `env`. */
function problemOf(env: Env): ConfigProblem | undefined {
  const problems = problemsOf(env);
  expect(problems.length).toBeLessThanOrEqual(1);
  return problems[0];
}

describe("loadConfig() on s3", () => {
  it("needs a type and a bucket, and invents no option", () => {
    expect(primary({})).toEqual(parseStorageUri("s3://files/uploads"));
  });

  it("makes a URI of every setting but keys", () => {
    const uri = primary({
      ...KEYS,
      AWS_SESSION_TOKEN: "token",
      FILE_STORAGE_PATH: "a b/%2e",
      AWS_REGION: "eu-west-1",
      AWS_ENDPOINT_URL_S3: "https://s3.example.com:9000/base/",
      AWS_S3_FORCE_PATH_STYLE: "true",
      AWS_S3_SSE: "AWS:KMS",
      AWS_S3_SSE_KMS_KEY_ID: "arn:aws:kms:eu-west-1:1:key/0-1",
      AWS_S3_STORAGE_CLASS: "STANDARD_IA",
    });
    expect(uri).toMatchObject({
      scheme: "s3",
      authority: "files",
      path: "a b/%2e",
      options: {
        region: "eu-west-1",
        endpoint: "https://s3.example.com:9000/base",
        path_style: "true",
        sse: "aws:kms",
        sse_kms_key_id: "arn:aws:kms:eu-west-1:1:key/0-1",
        storage_class: "STANDARD_IA",
      },
    });
    expect(JSON.stringify(loadConfig({ ...S3, ...KEYS }))).not.toMatch(/AKID|hunter2/);
  });

  it("shows a URI that can be handed back as a fallback", () => {
    const uri = primary({ FILE_STORAGE_PATH: "a%b, ü/c", AWS_ENDPOINT_URL: "http://[::1]:9/x" });
    const [again] = loadConfig({ FILE_STORAGE_FALLBACK: uri.display }).storage.fallbacks;
    expect(again).toEqual(uri);
  });

  it("prefers the names that are S3's own", () => {
    const options = (env: Env) => primary(env).options;
    expect(options({ AWS_REGION: "a", AWS_DEFAULT_REGION: "b" })).toEqual({ region: "a" });
    expect(options({ AWS_DEFAULT_REGION: "b" })).toEqual({ region: "b" });
    const both = { AWS_ENDPOINT_URL_S3: "http://a", AWS_ENDPOINT_URL: "http://b" };
    expect(options(both)).toEqual({ endpoint: "http://a" });
    expect(options({ AWS_ENDPOINT_URL: "http://b" })).toEqual({ endpoint: "http://b" });
  });

  it("takes a profile where there are no keys, as the AWS command line does", () => {
    expect(primary({ AWS_PROFILE: "work" }).options).toEqual({ profile: "work" });
    expect(primary({ AWS_PROFILE: "work", ...KEYS }).options).toEqual({});
    expect(warnings({ ...S3, ...KEYS, AWS_PROFILE: "work" })).toEqual([
      "AWS_PROFILE has no effect with AWS_ACCESS_KEY_ID",
    ]);
    expect(warnings({ ...S3, AWS_SESSION_TOKEN: "t" })).toEqual([
      "AWS_SESSION_TOKEN has no effect without AWS_ACCESS_KEY_ID",
    ]);
  });

  it("asks for a bucket", () => {
    expect(problemOf({ FILE_STORAGE_TYPE: "s3" })).toEqual({
      variable: "AWS_S3_BUCKET",
      read: "nothing",
      expected: "the name of a bucket, as FILE_STORAGE_TYPE is s3",
    });
  });

  it.each([
    "AWS_BUCKET",
    "S3_BUCKET_NAME",
    "AWS_S3_BUKET",
  ])("names %s beside the bucket that it asks for, in its message", (name) => {
    const load = () => loadConfig({ FILE_STORAGE_TYPE: "s3", [name]: "files" });
    expect(load).toThrow(
      `  AWS_S3_BUCKET: read nothing, expected the name of a bucket, as FILE_STORAGE_TYPE is s3 (${name} is set but not used: did you mean AWS_S3_BUCKET?)`,
    );
  });

  it("names what stands for half a pair, and nothing beside a value that is wrong", () => {
    const { AWS_ACCESS_KEY_ID } = KEYS;
    const half = problemOf({ ...S3, AWS_ACCESS_KEY_ID, AWS_SECRET_KEY: "hunter2" });
    expect(half?.expected).toMatch(
      / \(AWS_SECRET_KEY is set but not used: did you mean AWS_SECRET_ACCESS_KEY\?\)$/,
    );
    const wrong = problemOf({ ...S3, AWS_S3_BUCKET: "my files", AWS_BUCKET: "files" });
    expect(wrong?.expected).toBe("the name of a bucket, like my-uploads");
  });

  it.each([
    ["s3://files/a/b", "only the bucket's name: AWS_S3_BUCKET=files, and FILE_STORAGE_PATH=a/b"],
    ["s3://files", "only the bucket's name: AWS_S3_BUCKET=files"],
    ["arn:aws:s3:::files", "only the bucket's name: AWS_S3_BUCKET=files"],
    ["files/a", "only the bucket's name: AWS_S3_BUCKET=files, and FILE_STORAGE_PATH=a"],
    ["https://s3.example.com/files", expect.stringContaining("AWS_ENDPOINT_URL_S3")],
    ["my files", "the name of a bucket, like my-uploads"],
  ])("says what to write instead of the bucket %s", (text, expected) => {
    expect(problemOf({ ...S3, AWS_S3_BUCKET: text })).toMatchObject({ expected });
  });

  it.each([
    ["s3://files/a", "s3, not a URI; set the location in AWS_S3_BUCKET and FILE_STORAGE_PATH"],
    ["local:./x", "local, not a URI; set the location in FILE_STORAGE_PATH"],
  ])("says what to write instead of the type %s", (text, expected) => {
    expect(problemOf({ FILE_STORAGE_TYPE: text })).toMatchObject({
      variable: "FILE_STORAGE_TYPE",
      expected: `only the driver's name, ${expected}`,
    });
  });

  it.each([
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
    ["AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"],
  ] as const)("misses the other half of %s", (given, missing) => {
    const problem = { variable: missing, read: "nothing", expected: `a value, as ${given} is set` };
    expect(problemOf({ ...S3, [given]: KEYS[given] })).toEqual(problem);
    const archive = { FILE_STORAGE_FALLBACK: "s3://old?env=OLD", [`OLD_${given}`]: KEYS[given] };
    expect(problemsOf({ ...S3, ...archive })).toEqual([
      { variable: `OLD_${missing}`, read: "nothing", expected: `a value, as OLD_${given} is set` },
    ]);
  });

  it.each([
    ["AWS_REGION", "eu west"],
    ["AWS_ENDPOINT_URL_S3", "s3.example.com:9000"],
    ["AWS_ENDPOINT_URL", "https://u:p@s3.example.com"],
    ["AWS_ENDPOINT_URL", "https://s3.example.com/?x=1"],
    ["AWS_S3_FORCE_PATH_STYLE", "1"],
    ["AWS_S3_SSE", "kms"],
    ["AWS_S3_STORAGE_CLASS", "DEEP_ARCHIVE"],
    ["AWS_S3_SSE_KMS_KEY_ID", "0-1"],
  ])("refuses %s=%s", (variable, text) => {
    expect(problemOf({ ...S3, [variable]: text })?.variable).toBe(variable);
  });

  it("shows neither key nor secret that it refuses", () => {
    const env = { AWS_ACCESS_KEY_ID: '"AKID"', AWS_SECRET_ACCESS_KEY: "hunter2 x" };
    const text = JSON.stringify(problemsOf({ ...S3, ...env, AWS_SESSION_TOKEN: "hun\0ter2" }));
    expect(text).toContain("AWS_SECRET_ACCESS_KEY");
    expect(text).toContain("AWS_SESSION_TOKEN");
    expect(text).not.toMatch(/AKID|hunter2|ter2/);
  });

  it.each([
    ["https://files.s3.example.com/", "https://s3.example.com"],
    ["https://id.r2.cloudflarestorage.com/files", "https://id.r2.cloudflarestorage.com"],
  ])("refuses the bucket within the endpoint %s", (endpoint, right) => {
    for (const variable of ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]) {
      const problem = problemOf({ ...S3, [variable]: endpoint });
      expect(problem).toMatchObject({
        variable,
        expected: `the server's URL without the bucket, ${right}`,
      });
    }
  });

  it("leaves AWS's variables to others where no storage is on S3", () => {
    const env = { AWS_ACCESS_KEY_ID: "x", AWS_ENDPOINT_URL: "none", AWS_S3_SSE_KMS_KEY_ID: "y" };
    expect(problemsOf(env)).toEqual([]);
    const fallback = (uri: string) => problemsOf({ ...env, FILE_STORAGE_FALLBACK: uri }).length;
    expect(fallback("s3://old?env=OLD")).toBe(0);
    expect(fallback("s3://old")).toBe(3);
  });

  it("never throws anything but ConfigError, whatever a variable holds", () => {
    const names = Object.keys(SETTINGS).filter((name) => /^(AWS|FILE)_/.test(name));
    const value = fc.oneof(
      fc.string({ unit: "binary", maxLength: 40 }),
      fc.constantFrom("a", "http://a", "s3://a?env=B", "aws:kms", "../\ud800", "true"),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), value), (env) => {
        try {
          const uri = primary({ ...env, FILE_STORAGE_TYPE: "s3" });
          expect(uri).toEqual(parseStorageUri(uri.display));
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("loadConfig() warns", () => {
  it("of a bucket that nothing uses", () => {
    expect(warnings({ AWS_S3_BUCKET: "files" })).toEqual([
      "AWS_S3_BUCKET is set but files are stored locally: did you mean FILE_STORAGE_TYPE=s3?",
    ]);
    expect(warnings({ AWS_S3_BUCKET: "files", FILE_STORAGE_FALLBACK: "s3://files" })).toEqual([]);
  });

  it.each([
    ["./storage/uploads", "storage/uploads"],
    ["/data/uploads", "data/uploads"],
  ])("of the folder %s left over in a bucket's settings, and keeps to it", (path, prefix) => {
    for (const env of [S3, { FILE_STORAGE_TYPE: "mine" }]) {
      const config = loadConfig({ ...env, FILE_STORAGE_PATH: path });
      expect(config.storage.primary.path).toBe(prefix);
      expect(config.warnings).toEqual([
        `FILE_STORAGE_PATH is "${path}", which looks like a folder: keys will begin with "${prefix}" (unset it for "uploads")`,
      ]);
    }
    expect(warnings({ FILE_STORAGE_PATH: path })).toEqual([]);
    expect(warnings({ ...S3, FILE_STORAGE_PATH: prefix })).toEqual([]);
  });

  it("of names that others have for the same", () => {
    expect(warnings({ ...S3, AWS_S3_ENDPOINT: "http://a" })).toEqual([
      "AWS_S3_ENDPOINT is set but not used: did you mean AWS_ENDPOINT_URL_S3?",
    ]);
    expect(warnings({ AWS_S3_ENDPOINT: "http://a" })).toEqual([]);
  });

  it("of misspelt variables, of prefixed ones too, and not of those that ?env= names", () => {
    expect(warnings({ AWS_SECRET_ACESS_KEY: "x" })).toEqual([
      "AWS_SECRET_ACESS_KEY is set but not used: did you mean AWS_SECRET_ACCESS_KEY?",
    ]);
    const fallback = { FILE_STORAGE_FALLBACK: "s3://old?env=A" };
    const pair = { A_AWS_ACCESS_KEY_ID: "x", A_AWS_SECRET_ACCESS_KEY: "x", A_AWS_REGION: "x" };
    expect(warnings({ ...fallback, ...pair })).toEqual([]);
    expect(warnings({ ...fallback, A_AWS_REGOIN: "x" })).toEqual([
      "A_AWS_REGOIN is set but not used: did you mean A_AWS_REGION?",
    ]);
  });

  it("not of what other tools of AWS read", () => {
    const others =
      "AWS_EXECUTION_ENV AWS_LAMBDA_FUNCTION_NAME AWS_WEB_IDENTITY_TOKEN_FILE AWS_ROLE_ARN AWS_ROLE_SESSION_NAME AWS_CONTAINER_CREDENTIALS_RELATIVE_URI AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE AWS_ENDPOINT_URL_SQS AWS_ENDPOINT_URL_STS AWS_SDK_LOAD_CONFIG AWS_PAGER AWS_MAX_ATTEMPTS AWS_RETRY_MODE AWS_CA_BUNDLE AWS_EC2_METADATA_DISABLED AWS_STS_REGIONAL_ENDPOINTS AWS_ACCOUNT_ID AWS_VAULT";
    const env = Object.fromEntries(others.split(" ").map((name) => [name, "x"]));
    expect(warnings({ ...S3, ...env })).toEqual([]);
  });
});

describe("loadConfig() on unstorage", () => {
  const UNSTORAGE = { FILE_STORAGE_TYPE: "unstorage" };

  it("puts the prefix behind the driver's name, and masks its secrets", () => {
    const UNSTORAGE_DRIVER = "redis?url=redis://:hunter2@h:6379/0&base=x";
    const { primary } = loadConfig({ ...UNSTORAGE, UNSTORAGE_DRIVER }).storage;
    expect(primary).toEqual({
      scheme: "unstorage",
      authority: "",
      path: "redis/uploads",
      options: { url: "redis://:hunter2@h:6379/0", base: "x" },
      display: "unstorage:redis/uploads?url=redis://***@h:6379/0&base=x",
    });
    const bare = { ...UNSTORAGE, UNSTORAGE_DRIVER: "unstorage:memory", FILE_STORAGE_PATH: "./" };
    expect(loadConfig(bare).storage.primary).toEqual(parseStorageUri("unstorage:memory"));
  });

  it.each([
    [undefined, "nothing"],
    ["redis://:hunter2@h", "*** (18 bytes)"],
    ["redis/x?url=hunter2", "*** (19 bytes)"],
  ])("needs UNSTORAGE_DRIVER, and refuses %j without showing it", (given, read) => {
    const problem = problemOf({ ...UNSTORAGE, UNSTORAGE_DRIVER: given });
    expect(problem).toMatchObject({ variable: "UNSTORAGE_DRIVER", read });
    expect(problem?.expected).toMatch(/^a driver of unstorage/);
  });
});
