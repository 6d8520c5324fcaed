import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mask } from "../src/config/mask.ts";
import { describeDefault, type Setting } from "../src/config/setting.ts";
import { SETTINGS } from "../src/config/settings.ts";
import { type Config, ConfigError, loadConfig } from "../src/config.ts";
import { isStowageError } from "../src/domain/errors.ts";
import { parseStorageUri } from "../src/domain/storage-uri.ts";

const SECRET = "q8ZrT1vXw0mKp5LcYb7NjHs3DgFe9AuR";

function problemsOf(env: Record<string, string | undefined>): ConfigError["problems"] {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

/** The variables that `env` gets wrong. */
const wrong = (env: Record<string, string | undefined>) =>
  problemsOf(env).map((problem) => problem.variable);

describe("loadConfig()", () => {
  it("has a default for everything", () => {
    const config: Config = loadConfig({});
    expect(config).toEqual({
      production: false,
      storage: { primary: parseStorageUri("local:./storage/uploads"), fallbacks: [] },
      drivers: [],
      processors: [],
      database: { kind: "sqlite", path: "./storage/stowage.db" },
      server: {
        host: "127.0.0.1",
        port: 8000,
        publicUrl: null,
        trustProxy: 0,
        corsOrigins: [],
        requestsPerMinute: { tenant: null, address: null },
        minTransferBytesPerSecond: 1024,
        maxConnections: 4096,
        shutdownDelaySeconds: 0,
        shutdownGraceSeconds: 20,
      },
      uploads: {
        maxBytes: 5 * 2 ** 30,
        allowedContentTypes: ["*/*"],
        autoProcess: false,
        quotaBytes: null,
        quotaUploads: null,
        leaseSeconds: 60,
        reconcileIntervalSeconds: 60,
      },
      processing: {
        concurrency: 1,
        leaseSeconds: 30,
        maxAttempts: 3,
        timeoutSeconds: 18,
        memoryBytes: 512 * 2 ** 20,
        maxTextBytes: 8 * 2 ** 20,
      },
      auth: { jwt: null },
      log: { level: "info", format: "json" },
      warnings: [],
    });
  });

  it("counts an empty variable as unset", () => {
    const empty = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, ""]));
    expect(loadConfig(empty)).toEqual(loadConfig({}));
  });

  it("is deeply frozen", () => {
    const config = loadConfig({ FILE_STORAGE_FALLBACK: "local:./old", AUTH_JWT_SECRET: SECRET });
    const isDeeplyFrozen = (value: unknown): boolean =>
      typeof value !== "object" ||
      value === null ||
      (Object.isFrozen(value) && Object.values(value).every(isDeeplyFrozen));
    expect(isDeeplyFrozen(config)).toBe(true);
  });

  it("names every problem at once, with what was read and what would be right", () => {
    const env = {
      PORT: "80a",
      AUTO_PROCESS: "yes",
      LOG_LEVEL: "loud",
      AUTH_JWT_SECRET: "short-and-sweet",
      AUTH_JWKS_URL: "http://keys.example.com/jwks",
    };
    const problems = problemsOf(env);
    expect(problems.map((problem) => problem.variable)).toEqual([
      "PORT",
      "AUTO_PROCESS",
      "AUTH_JWT_SECRET",
      "AUTH_JWKS_URL",
      "LOG_LEVEL",
    ]);
    expect(() => loadConfig(env)).toThrowError(
      '5 settings are wrong\n  PORT: read "80a", expected a whole number from 0 to 65535\n  AUTO_PROCESS: read "yes", expected true or false\n',
    );
    for (const problem of problems) expect(problem.expected).not.toBe("");
    try {
      loadConfig(env);
    } catch (error) {
      expect(isStowageError(error, "invalid_config")).toBe(true);
    }
  });

  it("shows no secret in a message", () => {
    const env = {
      AUTH_JWT_SECRET: "hunter2",
      DATABASE_URL: "postgres://app:hun/ter2@db/app",
      FILE_STORAGE_FALLBACK: "s3 //b?secret_access_key=hunter2,s3://x:hunter2@b",
      AUTH_JWKS_URL: "https://me:hunter2@keys.example.com",
    };
    expect(wrong(env)).toEqual([
      "FILE_STORAGE_FALLBACK",
      "DATABASE_URL",
      "AUTH_JWT_SECRET",
      "AUTH_JWKS_URL",
    ]);
    expect(() => loadConfig(env)).not.toThrowError(/hunter2|ter2/);
    expect(() => loadConfig(env)).toThrowError("AUTH_JWT_SECRET: read *** (7 bytes)");
  });

  it("agrees with its own table: every default is a value it accepts", () => {
    for (const [name, setting] of Object.entries<Setting>(SETTINGS)) {
      expect(describeDefault(setting), name).not.toBe("");
      if (typeof setting.default === "string") {
        expect(setting.schema.safeParse(setting.default).success, name).toBe(true);
      }
    }
  });

  it.each([
    ["5368709120", 5_368_709_120],
    ["5GiB", 5 * 2 ** 30],
    ["100MB", 100_000_000],
    ["100 kib", 102_400],
    ["1.5GiB", 1.5 * 2 ** 30],
  ])("reads the size %s", (text, bytes) => {
    expect(loadConfig({ MAX_UPLOAD_BYTES: text }).uploads.maxBytes).toBe(bytes);
  });

  it.each([
    "0",
    "-1",
    "5G",
    "5 gigabytes",
    "1.5",
    "1e9",
    "9007199254740993",
    "0x10",
    "5GiB!",
  ])("refuses the size %s", (text) => {
    expect(wrong({ MAX_UPLOAD_BYTES: text })).toEqual(["MAX_UPLOAD_BYTES"]);
  });

  it.each(["65536", "-1", "8000.5", "1e3", "٣"])("refuses the port %s", (text) => {
    expect(wrong({ PORT: text })).toEqual(["PORT"]);
  });

  it.each(["0", "-1", "many", "1000001"])("refuses %s connections", (text) => {
    expect(wrong({ MAX_CONNECTIONS: text })).toEqual(["MAX_CONNECTIONS"]);
  });

  it.each(["-1", "1.5", "5s", "3601"])("refuses to delay a stop for %s seconds", (text) => {
    expect(wrong({ SHUTDOWN_DELAY_SECONDS: text })).toEqual(["SHUTDOWN_DELAY_SECONDS"]);
  });

  it("delays a stop in production only", () => {
    const delay = (env: Record<string, string>) => loadConfig(env).server.shutdownDelaySeconds;
    expect([delay({}), delay({ NODE_ENV: "production" })]).toEqual([0, 3]);
  });

  it.each(["1", "yes", "TRUE", "on"])("takes %s for neither true nor false", (text) => {
    expect(wrong({ AUTO_PROCESS: text })).toEqual(["AUTO_PROCESS"]);
  });

  it("never throws anything but ConfigError, whatever a variable holds", () => {
    const names = Object.keys(SETTINGS);
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom(...names), fc.string({ unit: "binary", maxLength: 80 })),
        (env) => {
          try {
            expect(Object.isFrozen(loadConfig(env))).toBe(true);
          } catch (error) {
            expect(error).toBeInstanceOf(ConfigError);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("loadConfig() on storage", () => {
  it("keeps a local path as it is written, with its odd characters and dot segments", () => {
    const config = loadConfig({ FILE_STORAGE_PATH: "../data/100%?#:ü" });
    expect(config.storage.primary).toMatchObject({ scheme: "local", path: "../data/100%?#:ü" });
  });

  it("gives memory no path, and any other driver a normalised prefix", () => {
    const memory = { FILE_STORAGE_TYPE: "memory", FILE_STORAGE_PATH: "./x" };
    expect(loadConfig(memory).storage.primary).toEqual(parseStorageUri("memory:"));
    const path = (text?: string) =>
      loadConfig({ FILE_STORAGE_TYPE: "Mine", FILE_STORAGE_PATH: text }).storage.primary.path;
    expect(path()).toBe("uploads");
    expect(path("./a//b/./c/")).toBe("a/b/c");
  });

  it("refuses dot segments in a prefix", () => {
    const env = { FILE_STORAGE_TYPE: "mine", FILE_STORAGE_PATH: "a/../../b" };
    expect(wrong(env)).toEqual(["FILE_STORAGE_PATH"]);
  });

  it("refuses NUL in a path, and a driver name that is no scheme", () => {
    expect(wrong({ FILE_STORAGE_PATH: "a\0b" })).toEqual(["FILE_STORAGE_PATH"]);
    expect(wrong({ FILE_STORAGE_TYPE: "my driver" })).toEqual(["FILE_STORAGE_TYPE"]);
  });

  it("reads the fallbacks as URIs", () => {
    const env = { FILE_STORAGE_FALLBACK: "local:./old, memory:" };
    expect(loadConfig(env).storage.fallbacks).toEqual([
      parseStorageUri("local:./old"),
      parseStorageUri("memory:"),
    ]);
    expect(wrong({ FILE_STORAGE_FALLBACK: "./old" })).toEqual(["FILE_STORAGE_FALLBACK"]);
  });

  it.each([
    ["sqlite:./a b.db", "./a b.db"],
    ["sqlite:/var/x.db", "/var/x.db"],
    ["sqlite:///var/x.db", "/var/x.db"],
    ["sqlite::memory:", ":memory:"],
  ])("reads %s", (text, path) => {
    expect(loadConfig({ DATABASE_URL: text }).database).toEqual({ kind: "sqlite", path });
  });

  it.each([
    "postgres://u:p@h/d",
    "sqlite:",
    "sqlite://host/x.db",
    "./x.db",
  ])("refuses %s for records", (text) => {
    const [problem] = problemsOf({ DATABASE_URL: text });
    expect(problem?.variable).toBe("DATABASE_URL");
    expect(problem?.expected).toContain("postgres:// is not supported yet");
  });
});

describe("loadConfig() on places", () => {
  it("listens everywhere and logs JSON in production", () => {
    const config = loadConfig({ NODE_ENV: "production" }, { terminal: true });
    expect(config).toMatchObject({
      production: true,
      server: { host: "0.0.0.0" },
      log: { format: "json" },
    });
    expect(loadConfig({}, { terminal: true }).log.format).toBe("pretty");
  });

  it("processes as many documents at once as there are cores, unless set otherwise", () => {
    const concurrency = (cores: number, env = {}) =>
      loadConfig(env, { cores }).processing.concurrency;
    expect([1, 8, 192].map((cores) => concurrency(cores))).toEqual([1, 8, 64]);
    expect(concurrency(8, { PROCESSING_CONCURRENCY: "3" })).toBe(3);
  });

  it("counts Workers as production and keeps their uploads small", () => {
    const config = loadConfig({}, { runtime: "workers" });
    expect(config).toMatchObject({ production: true, uploads: { maxBytes: 100_000_000 } });
  });

  it("takes the address for links without its slash, and no other parts", () => {
    const publicUrl = (text: string) => loadConfig({ PUBLIC_URL: text }).server.publicUrl;
    expect(publicUrl("https://files.example.com/")).toBe("https://files.example.com");
    expect(publicUrl("http://h:81/base/")).toBe("http://h:81/base");
    for (const text of ["files.example.com", "ftp://h", "https://u:p@h", "https://h/?a=1"]) {
      expect(wrong({ PUBLIC_URL: text })).toEqual(["PUBLIC_URL"]);
    }
  });

  it("takes media types and families", () => {
    const types = (text: string) =>
      loadConfig({ ALLOWED_CONTENT_TYPES: text }).uploads.allowedContentTypes;
    expect(types("application/PDF, image/*,")).toEqual(["application/pdf", "image/*"]);
    for (const text of ["pdf", "*/pdf", ",", "text/plain; charset=utf-8"]) {
      expect(wrong({ ALLOWED_CONTENT_TYPES: text })).toEqual(["ALLOWED_CONTENT_TYPES"]);
    }
  });
});

describe("loadConfig() on none", () => {
  it.each([
    "QUOTA_BYTES",
    "QUOTA_UPLOADS",
    "RATE_LIMIT_PER_TENANT",
    "RATE_LIMIT_PER_ADDRESS",
    "CORS_ORIGINS",
    "FILE_STORAGE_FALLBACK",
  ])("reads none of %s as unset, which is what its default is called", (variable) => {
    for (const word of ["none", "None"]) {
      expect(loadConfig({ [variable]: word })).toEqual(loadConfig({}));
    }
  });

  it.each([
    "PORT",
    "MAX_UPLOAD_BYTES",
    "AUTH_JWT_SECRET",
    "PUBLIC_URL",
  ])("refuses none for %s, whose default is another", (variable) => {
    expect(wrong({ [variable]: "none" })).toEqual([variable]);
  });
});

describe("loadConfig() on tokens", () => {
  const JWKS = {
    AUTH_JWKS_URL: "https://keys.example.com/jwks",
    AUTH_JWT_ISSUER: "https://id.example.com/",
    AUTH_JWT_AUDIENCE: "files",
  };

  it("reads a secret", () => {
    expect(loadConfig({ AUTH_JWT_SECRET: SECRET }).auth.jwt).toEqual({
      kind: "secret",
      secret: SECRET,
      issuer: null,
      audience: null,
      tenantClaim: "tenant_id",
      operatorClaim: null,
    });
  });

  it.each([
    ["short", SECRET.slice(1)],
    ["one letter", "a".repeat(64)],
    ["repeated", "q8ZrT1vXw0mKp5Lc".repeat(4)],
    ["a placeholder", "your-256-bit-key-which-is-very-long-indeed"],
    ["somebody's example", "a-string-secret-at-least-256-bits-long"],
    ["typed", "0123456789012345678901234567890123456789x"],
  ])("refuses a weak secret: %s", (_, text) => {
    expect(wrong({ AUTH_JWT_SECRET: text })).toEqual(["AUTH_JWT_SECRET"]);
  });

  it("accepts random secrets in hexadecimal and base64", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 48, maxLength: 48 }), (bytes) => {
        fc.pre(new Set(bytes).size > 30);
        const hex = Buffer.from(bytes).toString("hex");
        const base64 = Buffer.from(bytes).toString("base64");
        for (const text of [hex, base64]) expect(wrong({ AUTH_JWT_SECRET: text })).toEqual([]);
      }),
      { numRuns: 100, seed: 1 },
    );
  });

  it("reads a key set, which needs issuer and audience", () => {
    expect(loadConfig(JWKS).auth.jwt).toMatchObject({ kind: "jwks", audience: "files" });
    expect(wrong({ AUTH_JWKS_URL: JWKS.AUTH_JWKS_URL })).toEqual([
      "AUTH_JWT_ISSUER",
      "AUTH_JWT_AUDIENCE",
    ]);
  });

  it("takes plain HTTP keys from this machine only", () => {
    for (const host of ["localhost", "127.0.0.1:9", "[::1]:9"]) {
      expect(wrong({ ...JWKS, AUTH_JWKS_URL: `http://${host}/jwks` })).toEqual([]);
    }
    for (const url of ["http://keys.example.com", "http://127.0.0.1.example.com", "file:///k"]) {
      expect(wrong({ ...JWKS, AUTH_JWKS_URL: url })).toEqual(["AUTH_JWKS_URL"]);
    }
  });

  it("refuses a secret beside a key set, and one claim for two things", () => {
    expect(wrong({ ...JWKS, AUTH_JWT_SECRET: SECRET })).toEqual(["AUTH_JWKS_URL"]);
    expect(wrong({ AUTH_JWT_SECRET: SECRET, AUTH_OPERATOR_CLAIM: "tenant_id" })).toEqual([
      "AUTH_OPERATOR_CLAIM",
    ]);
  });
});

describe("loadConfig() warns", () => {
  const warnings = (env: Record<string, string>) => loadConfig(env).warnings;

  it("of misspelt names", () => {
    expect(warnings({ FILE_STORGE_TYPE: "s3", AUTH_JWT_SECERT: "x" })).toEqual([
      "FILE_STORGE_TYPE is set but not used: did you mean FILE_STORAGE_TYPE?",
      "AUTH_JWT_SECERT is set but not used: did you mean AUTH_JWT_SECRET?",
    ]);
    expect(warnings({ file_storage_type: "s3" })).toHaveLength(1);
  });

  it("not of what merely stands beside it", () => {
    expect(warnings({ PATH: "/bin", HOSTNAME: "h", PORTS: "1", AWS_REGION: "x" })).toEqual([]);
  });

  it("of settings without effect", () => {
    expect(warnings({ AUTH_JWT_ISSUER: "x" })).toHaveLength(1);
    expect(warnings({ NODE_ENV: "prod" })).toHaveLength(1);
  });
});

describe("mask()", () => {
  it("keeps to one short line", () => {
    expect(mask("a\nb\u001b[2J", false)).toBe('"a\\nb\\u001b[2J"');
    expect(mask("x".repeat(5000), false).length).toBeLessThan(130);
  });
});
