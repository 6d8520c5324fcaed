import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { describe, expect, it } from "vitest";
import { SETTINGS } from "../../src/config/settings.ts";
import type { Config } from "../../src/config.ts";
import { StowageError } from "../../src/domain/errors.ts";
import { stowage } from "./terminal.ts";

describe("stowage", () => {
  it("shows its version, that of the package", async () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8"));
    expect(await stowage(["--version"])).toEqual({ code: 0, out: `${version}\n`, err: "" });
  });

  it.each([
    [["--help"], "Usage: stowage <command>"],
    [["-h"], "Usage: stowage <command>"],
    [["serve", "--help"], "Usage: stowage serve"],
    [["serve", "--bad", "-h"], "Usage: stowage serve"],
    [["process", "--help"], "Usage: stowage process"],
    [["doctor", "--help"], "Usage: stowage doctor"],
    [["tenant", "--help"], "Usage: stowage tenant <command>"],
    [["tenant", "list", "--help"], "Usage: stowage tenant list"],
    [["tenant", "show", "--help"], "Usage: stowage tenant show"],
    [["tenant", "set", "--help"], "Usage: stowage tenant set"],
    [["token", "--help"], "Usage: stowage token <command>"],
    [["token", "create", "--help"], "Usage: stowage token create"],
    [["token", "list", "--help"], "Usage: stowage token list"],
    [["token", "revoke", "x", "--help"], "Usage: stowage token revoke"],
  ])("shows help for %j on stdout", async (argv, usage) => {
    const { code, out, err } = await stowage(argv);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain(usage);
    for (const line of out.split("\n")) expect(line.length, line).toBeLessThanOrEqual(120);
  });

  it("lists every setting with its default in the help of serve", async () => {
    const { out } = await stowage(["serve", "--help"]);
    for (const name of Object.keys(SETTINGS)) {
      expect(out).toMatch(new RegExp(`^ {2}${name} +\\S.*\\(.+\\)$`, "m"));
    }
    expect(out).toMatch(/PORT .*\(8000\)/);
  });

  it.each([
    [[], "Usage: stowage <command>"],
    [["token"], "Usage: stowage token <command>"],
    [
      ["sevre"],
      'Unknown command "sevre": use one of serve, process, doctor, tenant, token\nTry: stowage --help\n',
    ],
    [["--sevre"], 'Unknown option "--sevre"\nTry: stowage --help\n'],
    [["token", "make"], 'Unknown command "token make": use one of create, list, rotate, revoke\n'],
    [["serve", "--prot"], "Unknown option '--prot'\nTry: stowage serve --help\n"],
    [["serve", "now"], 'Unexpected argument "now"\nTry: stowage serve --help\n'],
    [["serve", "--json=yes"], "Option '--json' does not take an argument\n"],
    [["token", "revoke", "a", "b"], 'Unexpected argument "b"\n'],
    [["token", "revoke"], "Missing the ID of the key\nTry: stowage token revoke --help\n"],
  ])("answers %j with 2 and a way on, on stderr", async (argv, message) => {
    const { code, out, err } = await stowage(argv);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(message);
  });

  it("reports every wrong setting and exits with 2", async () => {
    const env = { PORT: "x", AUTH_JWT_SECRET: "hunter2" };
    for (const argv of [["serve"], ["token", "list"]]) {
      const { code, err } = await stowage(argv, { env });
      expect(code).toBe(2);
      expect(err).toMatch(/PORT: read "x".*\n.*AUTH_JWT_SECRET: read \*\*\* \(7 bytes\)/);
      expect(err).not.toContain("hunter2");
    }
  });

  it.each([
    [2, new StowageError("unknown_driver", "Cannot open storage: no driver is named x")],
    [2, new StowageError("storage_misconfigured", "Cannot open local storage: path is missing")],
    [1, new StowageError("storage_read_only", "Cannot write", { cause: new Error("EROFS") })],
    [1, new Error("a bug: postgres://u:hunter2@h/d")],
    [
      1,
      new StowageError("invalid_config", "Cannot listen on 127.0.0.1:80: it is taken", {
        cause: Object.assign(new Error("listen"), { code: "EADDRINUSE" }),
      }),
    ],
  ])("exits with %d when the server fails with %s", async (expected, error) => {
    const { code, out, err } = await stowage(["serve"], {
      runtime: { serve: () => Promise.reject(error) },
    });
    expect({ code, out }).toEqual({ code: expected, out: "" });
    expect(err).toContain(error.message.replace("u:hunter2@", "***@"));
    if (error instanceof StowageError) expect(err).not.toContain("    at ");
    else expect(err).toContain("run.test.ts");
    if (error.cause) expect(err).toContain(`(${(error.cause as Error).message})`);
  });

  it("serves with a document at once for each core of this machine", async () => {
    const seen: number[] = [];
    const serve = (config: Config) => {
      seen.push(config.processing.concurrency);
      return Promise.reject(new StowageError("storage_misconfigured", "Cannot open"));
    };
    await stowage(["serve"], { runtime: { serve } });
    expect(seen).toEqual([availableParallelism()]);
  });

  it("points to doctor where a storage is unwell, and says nothing twice", async () => {
    const cause = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
    const message = "Cannot reach storage: nothing listens there (ECONNREFUSED)";
    const error = new StowageError("storage_unavailable", message, { cause });
    const serve = () => Promise.reject(error);
    const { err } = await stowage(["serve"], { runtime: { serve } });
    expect(err).toBe(`${message}\nTry: stowage doctor\n`);
  });

  it("says what to do where the error does", async () => {
    const advice = "start the server";
    const error = new StowageError("storage_unavailable", "Cannot reach storage", { advice });
    const serve = () => Promise.reject(error);
    const { err } = await stowage(["serve"], { runtime: { serve } });
    expect(err).toBe("Cannot reach storage\nWhat to do: start the server.\nTry: stowage doctor\n");
  });
});
