import { execFile } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import memory from "../drivers/memory.ts";
import { type DriverContext, defineDriver, z } from "../src/driver.ts";
import { createStowage, SILENT, type StowageOptions } from "../src/node.ts";
import { installPackage } from "./support/package-sources.ts";
import { tempFolder } from "./support/temp-folder.ts";

const run = promisify(execFile);

function settings(folder: string): Record<string, string> {
  return {
    FILE_STORAGE_TYPE: "memory",
    DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
  };
}

async function open(options: StowageOptions) {
  const stowage = await createStowage({ logger: SILENT, ...options });
  onTestFinished(() => stowage.close());
  return stowage;
}

const authenticate: NonNullable<StowageOptions["authenticate"]> = (request) => {
  const user = request.headers.get("x-user");
  return user === null ? null : { tenant: user, subject: user };
};

function put(name: string, headers: Record<string, string> = { "x-user": "acme" }): Request {
  const url = `http://localhost/api/v1/upload/${name}`;
  return new Request(url, { method: "PUT", headers, body: `${name} in full` });
}

/** Files of `folder` that this process holds open. */
function heldFiles(folder: string): string[] {
  return readdirSync("/proc/self/fd")
    .flatMap((descriptor) => {
      try {
        return [readlinkSync(`/proc/self/fd/${descriptor}`)];
      } catch {
        return []; // the listing's own
      }
    })
    .filter((path) => path.startsWith(folder));
}

describe("createStowage()", () => {
  test("its example runs as it is written, and ends", async () => {
    const [, comment = ""] =
      /@example\n \* ```ts\n([\s\S]*?) \* ```/.exec(readFileSync("src/node.ts", "utf8")) ?? [];
    const folder = tempFolder();
    installPackage(folder);
    writeFileSync(join(folder, "example.mjs"), comment.replaceAll(/^ \* ?/gm, ""));
    const { stdout } = await run(process.execPath, ["example.mjs"], { cwd: folder });
    expect(stdout).toBe("201\n");
    const [file = ""] = readdirSync(join(folder, "files", "acme"));
    const path = join(folder, "files", "acme", file, "hello.txt");
    expect(readFileSync(path, "utf8")).toBe("Hello");
  });

  test("opens drivers given in code, with the settings as their environment", async () => {
    const folder = tempFolder();
    let seen: DriverContext["host"];
    const acme = defineDriver({
      name: "acme",
      options: z.looseObject({}),
      async create(_options, context) {
        seen = context.host;
        return { ...(await memory.open({}, context)) };
      },
    });
    const env = { ...settings(folder), FILE_STORAGE_TYPE: "acme", ACME_TOKEN: "abc" };
    const stowage = await open({ env, drivers: [acme], authenticate });
    expect(stowage.storages.primary.driverName).toBe("acme");
    expect(seen?.env["ACME_TOKEN"]).toBe("abc");
    expect((await stowage.fetch(put("a.txt"))).status).toBe(201);
  });

  test("asks the application who is calling", async () => {
    const env = { ...settings(tempFolder()), NODE_ENV: "production" };
    const stowage = await open({ env, authenticate });
    expect((await stowage.fetch(put("a.txt"))).status).toBe(201);
    expect((await stowage.fetch(put("a.txt", {}))).status).toBe(401);
  });

  test.each([
    "files",
    "/files?x",
    "/a/../b",
    "/a b",
    "//evil.example",
    "https://x/files",
  ])("refuses to be mounted at %s", async (basePath) => {
    const folder = tempFolder();
    const opening = open({ env: settings(folder), basePath });
    await expect(opening).rejects.toMatchObject({ code: "invalid_config" });
    await expect(opening).rejects.toThrow("a path such as /files");
    expect(heldFiles(folder)).toEqual([]);
  });

  test("creates links for its mount path, with or without a slash at the end", async () => {
    for (const basePath of ["/files", "/files/", "/", ""]) {
      const stowage = await open({ env: settings(tempFolder()), authenticate, basePath });
      const stored = await stowage.fetch(put("a.txt"));
      const expected = `${basePath.replace(/\/$/, "")}/api/v1/upload/`;
      expect(stored.headers.get("Location")?.startsWith(expected)).toBe(true);
    }
  });

  test("gives up on a client that stops sending, as the server does", async () => {
    const stowage = await open({ env: settings(tempFolder()), authenticate });
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
    onTestFinished(() => void vi.useRealTimers());
    const waited = Promise.withResolvers<void>();
    const silent = new ReadableStream<Uint8Array>(
      {
        start: (controller) => controller.enqueue(new Uint8Array(3)),
        // Asked for more than the three bytes: from now on the client is waited for.
        async pull() {
          waited.resolve();
          await new Promise(() => {});
        },
      },
      { highWaterMark: 0 },
    );
    const answering = stowage.fetch(
      new Request("http://localhost/api/v1/upload/a.bin", {
        method: "PUT",
        headers: { "x-user": "acme" },
        body: silent,
        duplex: "half",
      }),
    );
    await waited.promise;
    await vi.advanceTimersByTimeAsync(12_000);
    const answer = await answering;
    expect(answer.status).toBe(408);
    expect(await answer.json()).toMatchObject({ code: "request_timeout" });
  });

  test("refuses to start in production without credentials", async () => {
    const folder = tempFolder();
    const env = { ...settings(folder), NODE_ENV: "production" };
    await expect(open({ env })).rejects.toThrow("AUTH_JWT_SECRET: read nothing");
    expect(heldFiles(folder)).toEqual([]);
  });

  test("closes everything after a failed start", async () => {
    const folder = tempFolder();
    for (const [env, code] of [
      [{ FILE_STORAGE_TYPE: "acme" }, "unknown_driver"],
      [{ FILE_STORAGE_TYPE: "local", FILE_STORAGE_PATH: "/dev/null/x" }, "storage_misconfigured"],
      [{ STOWAGE_DRIVERS: "./missing.ts" }, "invalid_config"],
    ] as const) {
      await expect(open({ env: { ...settings(folder), ...env } })).rejects.toMatchObject({ code });
      expect(heldFiles(folder)).toEqual([]);
    }
    const unknown = open({ env: { ...settings(folder), FILE_STORAGE_TYPE: "acme" } });
    await expect(unknown).rejects.toThrow(/known: .*memory.*; STOWAGE_DRIVERS loads others/);
    const twice = open({ env: settings(folder), drivers: [memory] });
    await expect(twice).rejects.toThrow('two are named "memory"');
    expect(heldFiles(folder)).toEqual([]);
  });

  test("close() closes everything, and may be called twice", async () => {
    const folder = tempFolder();
    const stowage = await open({ env: settings(folder), authenticate });
    stowage.start();
    expect((await stowage.fetch(put("a.txt"))).status).toBe(201);
    expect(heldFiles(folder)).not.toEqual([]);
    await Promise.all([stowage.close(), stowage.close()]);
    expect(heldFiles(folder)).toEqual([]);
  });
});
