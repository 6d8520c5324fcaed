import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLogger, type LoggerOptions } from "../../../src/adapters/log/logger.ts";
import { StowageError } from "../../../src/domain/errors.ts";

const clock = { now: () => Date.parse("2026-11-24T12:00:00.123Z") };

function setup(options: Partial<LoggerOptions> = {}) {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const log = createLogger({ level: "info", format: "json", clock, write, ...options });
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? "null") };
}

/** An error of ours, with a cause of Node's, which has a cause of its own. */
function chained(): StowageError {
  const root = Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC", cause: "disk" });
  return new StowageError("storage_full", "Cannot store", { cause: root, data: { sizeBytes: 5 } });
}

describe("createLogger() as JSON", () => {
  it("writes one line for one event, with the fixed names first", () => {
    const { log, lines } = setup();
    log.info("upload.stored", { driver: "local", sizeBytes: 52031 });
    expect(lines).toEqual([
      '{"time":"2026-11-24T12:00:00.123Z","level":"info","event":"upload.stored","driver":"local","sizeBytes":52031}',
    ]);
  });

  it("has the advice of an error, in both formats", () => {
    const options = { advice: "raise the quota", cause: new Error("EDQUOT") };
    const error = new StowageError("storage_full", "Cannot store", options);
    const json = setup();
    json.log.error("x", { error });
    expect(json.last().error).toMatchObject({ message: "Cannot store", advice: "raise the quota" });
    const pretty = setup({ format: "pretty" });
    pretty.log.error("x", { error });
    expect(pretty.lines[0]).toContain("Cannot store (storage_full); raise the quota <- EDQUOT");
  });

  it("writes nothing below its level", () => {
    for (const [level, count] of [
      ["debug", 4],
      ["info", 3],
      ["warn", 2],
      ["error", 1],
    ] as const) {
      const { log, lines } = setup({ level });
      for (const each of ["debug", "info", "warn", "error"] as const) log[each]("x");
      expect(lines).toHaveLength(count);
      expect(JSON.parse(lines[0] ?? "").level).toBe(level);
    }
  });

  it("adds the fields of with() to each line, the nearest one winning", () => {
    const { log, last } = setup();
    const inner = log.with({ requestId: "r1", tenant: "a" }).with({ tenant: "b" });
    inner.info("x", { n: 1 });
    expect(last()).toMatchObject({ requestId: "r1", tenant: "b", n: 1 });
    log.info("y");
    expect(last()).not.toHaveProperty("requestId");
  });

  it("keeps the fixed names from being overwritten", () => {
    const { log, last } = setup();
    log.info("x", { event: "y", level: "error", time: 0, ["__proto__"]: { a: 1 } });
    expect(last()).toMatchObject({ event: "x", level: "info", event_: "y", level_: "error" });
    expect(Object.keys(last())).toContain("__proto__");
  });

  it("reports code, message and causes of an error, and the stack only at debug", () => {
    const { log, last } = setup();
    log.error("x", { error: chained() });
    expect(last().error).toEqual({
      code: "storage_full",
      message: "Cannot store",
      data: { sizeBytes: 5 },
      cause: { code: "ENOSPC", message: "ENOSPC: no space left", cause: "disk" },
    });
    const debug = setup({ level: "debug" });
    debug.log.error("x", { error: chained() });
    expect(debug.last().error.stack).toContain("logger.test.ts");
    expect(debug.last().error.cause.stack).toContain("logger.test.ts");
  });

  it.each(["path", "dest"])("reports what failed but not the %s of it, except at debug", (name) => {
    const root = Object.assign(new Error("EACCES: denied, open '/a/SECRETNAME.txt'"), {
      code: "EACCES",
      errno: -13,
      syscall: "open",
      [name]: "/a/SECRETNAME.txt",
    });
    const fields = { error: new StowageError("storage_access_denied", "No", { cause: root }) };
    for (const format of ["json", "pretty"] as const) {
      const { log, lines } = setup({ format });
      log.error("x", fields);
      log.with(fields).info("y");
      expect(lines).toHaveLength(2);
      for (const line of lines) {
        expect(line).toContain("open failed");
        expect(line).toContain("EACCES");
        expect(line).not.toContain("SECRETNAME");
      }
    }
    const debug = setup({ level: "debug" });
    debug.log.debug("x", fields);
    expect(debug.last().error.cause.message).toContain("SECRETNAME");
  });

  it("hides secrets in values, in errors and under telling names, at any depth", () => {
    const { log, lines } = setup({ level: "debug" });
    const key = `stw_0123456789abcdef_${"A".repeat(43)}`;
    log.info("x", {
      url: "postgres://u:hunter2@h/d",
      error: new Error(`bad ${key}`, { cause: new Error(`worse ${key}`) }),
      headers: new Headers({ authorization: "hunter2", cookie: "hunter2" }),
      deep: [{ password: "hunter2", map: new Map([[key, new URL("https://u:hunter2@h/")]]) }],
    });
    log.with({ token: "hunter2" }).info("y");
    expect(lines.join("")).not.toMatch(/hunter2|AAAAAAAA/);
  });

  it("writes data of every kind as plain JSON", () => {
    const { log, last } = setup();
    log.info("x", {
      big: 10n ** 20n,
      nan: Number.NaN,
      date: new Date(0),
      never: new Date(Number.NaN),
      bytes: new Uint8Array(5),
      set: new Set([1]),
      call: () => 1,
      symbol: Symbol("s"),
      none: undefined,
      nothing: null,
    });
    const { time, level, event, ...fields } = last();
    expect(fields).toEqual({
      big: "100000000000000000000",
      nan: "NaN",
      date: "1970-01-01T00:00:00.000Z",
      never: "[date]",
      bytes: "[5 bytes]",
      set: [1],
      call: "[function]",
      symbol: "[symbol]",
      nothing: null,
    });
  });

  it("bears hostile values and still writes the rest", () => {
    const { log, last } = setup();
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    const error = new Error("round");
    error.cause = error;
    log.info("x", {
      cycle,
      error,
      getter: Object.defineProperty({}, "a", {
        enumerable: true,
        get() {
          throw new Error("no");
        },
      }),
      proxy: new Proxy(
        {},
        {
          getPrototypeOf() {
            throw new Error("no");
          },
        },
      ),
      json: {
        toJSON() {
          throw new Error("no");
        },
      },
      good: 1,
    });
    expect(last()).toMatchObject({
      good: 1,
      proxy: "[unreadable]",
      getter: { a: "[unreadable]" },
      json: { toJSON: "[function]" },
    });
    expect(JSON.stringify(last())).toContain("[…]");
    expect(JSON.stringify(last().cycle).split("self").length).toBeLessThan(10);
    log.info("y", new Proxy({}, { ownKeys: () => ["a", "a"] }));
    expect(last()).toMatchObject({ event: "y", fields: "[unreadable]" });
  });

  it("bounds a line", () => {
    const { log, lines, last } = setup();
    let tree: unknown = "leaf";
    for (let i = 0; i < 5; i++) tree = Array.from({ length: 100 }, () => tree);
    const wide = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`k${i}`, i]));
    log.info("x", {
      tree,
      wide,
      text: "x".repeat(100_000),
      secret: `${"x ".repeat(4090)}stw_0_AAA`,
    });
    expect(lines[0]?.length).toBeLessThan(100_000);
    expect(last().text).toHaveLength(4097);
  });

  it("never throws, and writes one JSON line for any fields", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.anything()), (fields) => {
        const { log, lines } = setup({ level: "debug" });
        log.info("x", fields);
        expect(lines).toHaveLength(1);
        expect(lines[0]).not.toContain("\n");
        expect(JSON.parse(lines[0] ?? "").event).toBe("x");
      }),
      { numRuns: 500 },
    );
  });

  it("bears a sink that throws", () => {
    const broken = () => {
      throw new Error("EPIPE");
    };
    expect(() => setup({ write: broken }).log.error("x")).not.toThrow();
  });

  it("keeps two loggers of one process apart", () => {
    const [one, two] = [setup({ level: "error" }), setup({ level: "debug" })];
    one.log.info("x");
    two.log.info("x");
    expect([one.lines.length, two.lines.length]).toEqual([0, 1]);
  });
});

describe("createLogger() for a terminal", () => {
  it("writes time, level, event and fields in one line", () => {
    const { log, lines } = setup({ format: "pretty" });
    log.warn("upload.failed", {
      driver: "local",
      reason: "no space",
      list: [1],
      error: chained(),
    });
    expect(lines).toEqual([
      '12:00:00.123 WRN upload.failed driver=local reason="no space" list=[1] error="Cannot store (storage_full) <- ENOSPC: no space left (ENOSPC) <- \\"disk\\""',
    ]);
  });

  it("puts the stack below at debug", () => {
    const { log, lines } = setup({ format: "pretty", level: "debug" });
    log.warn("x", { error: new Error("boom") });
    expect(lines[0]).toMatch(/^12:00:00\.123 WRN x error=boom\n {4}Error: boom\n {4}at .*[^\n]$/s);
  });

  it("colours only where it is asked to", () => {
    const plain = setup({ format: "pretty" });
    const coloured = setup({ format: "pretty", colors: true });
    for (const { log } of [plain, coloured]) log.info("x.y", { a: 1 });
    expect(plain.lines[0]).not.toContain("\u001b");
    expect(coloured.lines[0]).toContain("\u001b[");
    const { stripVTControlCharacters } = process.getBuiltinModule("node:util");
    expect(stripVTControlCharacters(coloured.lines[0] ?? "")).toBe(plain.lines[0]);
  });

  it("lets no value move the cursor or begin a line", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: "binary" }), fc.string({ unit: "binary" })),
        (fields) => {
          for (const format of ["pretty", "json"] as const) {
            const { log, lines } = setup({ format });
            log.info("x", { ...fields, bad: "\u001b[2J\r\n\u009b2J\u0085\u2028\u007f" });
            expect(lines[0]).not.toMatch(/\p{Cc}/u);
          }
        },
      ),
    );
  });
});
