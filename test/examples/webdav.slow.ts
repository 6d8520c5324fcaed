import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import webdav from "../../examples/webdav-driver/webdav.ts";
import { parseObjectKey } from "../../src/driver.ts";
import { createStowage, driverContext, parseTenantId, SCOPES, SILENT } from "../../src/node.ts";
import { serveScript } from "../docs/served-script.ts";
import { installPackage } from "../support/package-sources.ts";
import { ServerProcess } from "../support/server-process.ts";
import { hasWebdavServer, startWebdavServer, type WebdavServer } from "./webdav-server.ts";

const run = promisify(execFile);
const EXAMPLE = "examples/webdav-driver";

describe.skipIf(!hasWebdavServer())(EXAMPLE, () => {
  const folder = mkdtempSync(join(tmpdir(), "stowage-webdav-"));
  let server: WebdavServer;

  beforeAll(async () => {
    server = await startWebdavServer(folder);
  });
  afterAll(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function settings(): Record<string, string> {
    const login = Buffer.from(`${server.user}:${server.password}`).toString("base64");
    return {
      PATH: process.env["PATH"] ?? "",
      WEBDAV_URL: server.url,
      WEBDAV_AUTHORIZATION: `Basic ${login}`,
    };
  }

  /** The example in a folder of its own, as if it had been cloned and its dependencies installed. */
  function clone(name: string): string {
    const copy = join(folder, name);
    cpSync(EXAMPLE, copy, { recursive: true });
    installPackage(copy, "@types/node", "undici-types");
    return copy;
  }

  /** Put a file, read a part of it, delete it, and look at the server's disk meanwhile. */
  async function tryOut(url: string, key: string, path: string): Promise<void> {
    const call = (target: string, method: string, more: RequestInit = {}) =>
      fetch(`${url}/api/v1/upload/${target}`, {
        ...more,
        method,
        headers: { ...more.headers, authorization: `Bearer ${key}` },
      });
    const body = "x".repeat(300_000);
    const answer = await call("a%20%26%20b.txt", "PUT", { body });
    expect(answer.status).toBe(201);
    const { id } = (await answer.json()) as { id: string };
    const file = join(server.files, path, "default", id, "a & b.txt");
    expect(readFileSync(file, "utf8")).toBe(body);
    const part = await call(`${id}/file`, "GET", { headers: { range: "bytes=10-19" } });
    expect([part.status, await part.text()]).toEqual([206, "x".repeat(10)]);
    expect((await call(id, "DELETE")).status).toBe(204);
    expect(existsSync(file)).toBe(false);
  }

  test("its own test, the conformance kit under node --test, passes", async () => {
    const { stdout } = await run("npm", ["test"], { cwd: clone("kit"), env: settings() });
    expect(stdout).toMatch(/^(?:#|ℹ) pass (?:[3-9]\d)$/m);
    expect(stdout).toMatch(/^(?:#|ℹ) fail 0$/m);
  });

  test("its driver has at most 80 lines", () => {
    const lines = readFileSync(join(EXAMPLE, "webdav.ts"), "utf8").trimEnd().split("\n");
    expect(lines.length).toBeLessThanOrEqual(80);
  });

  test("the lines of its README serve from a WebDAV server", async () => {
    const [, block = ""] =
      /```sh\n([\s\S]*?)```/.exec(readFileSync(join(EXAMPLE, "README.md"), "utf8")) ?? [];
    const script = block
      .replace("https://nas.example/dav", server.url)
      .replace("'user:password'", `'${server.user}:${server.password}'`);
    const env = {
      PATH: process.env["PATH"] ?? "",
      HOME: folder,
      PORT: "0",
      DATABASE_URL: `sqlite:${join(folder, "readme.db")}`,
    };
    const { url, key } = await serveScript(script, env);
    await tryOut(url, key, "uploads");
  });

  test("built, installed and named in STOWAGE_DRIVERS it serves", async () => {
    const app = join(folder, "app");
    const copy = clone("build");
    await run(resolve("node_modules/.bin/tsc"), [], { cwd: copy });
    for (const packed of ["package.json", "dist"]) {
      const target = join(app, "node_modules", "stowage-driver-webdav", packed);
      cpSync(join(copy, packed), target, { recursive: true });
    }
    const served = await ServerProcess.start(
      {
        ...settings(),
        HOME: app,
        DATABASE_URL: `sqlite:${join(app, "stowage.db")}`,
        STOWAGE_DRIVERS: "stowage-driver-webdav",
        FILE_STORAGE_TYPE: "webdav",
        FILE_STORAGE_PATH: "deep/er",
      },
      ["env", "-C", app],
    );
    const key = readFileSync(join(app, "first-api-key"), "utf8").trim();
    await tryOut(served.url, key, "deep/er");
  });

  test("given to createStowage() it keeps what an application takes", async () => {
    const stowage = await createStowage({
      env: {
        ...settings(),
        FILE_STORAGE_TYPE: "webdav",
        FILE_STORAGE_PATH: "library",
        DATABASE_URL: "sqlite::memory:",
      },
      drivers: [webdav],
      logger: SILENT,
      authenticate: async () => {
        const tenant = parseTenantId("acme");
        return { kind: "tenant", tenant, subject: "user:1", scopes: new Set(SCOPES) };
      },
    });
    onTestFinished(() => stowage.close());
    const url = "http://localhost/api/v1/upload/hello.txt";
    const answer = await stowage.fetch(new Request(url, { method: "PUT", body: "Hello" }));
    const { id } = (await answer.json()) as { id: string };
    const file = await stowage.fetch(new Request(`http://localhost/api/v1/upload/${id}/file`));
    expect(await file.text()).toBe("Hello");
    expect(readFileSync(join(server.files, "library/acme", id, "hello.txt"), "utf8")).toBe("Hello");
  });

  test("reports the version that a file keeps: a fresh one has a weak tag, which grows strong", async () => {
    const host = { ...driverContext().host, env: settings() } as never;
    const storage = await webdav.open({ path: "tags" }, driverContext({ host }));
    const key = parseObjectKey("acme/1/a.txt");
    const stored = await storage.put(key, { kind: "bytes", bytes: new Uint8Array(3) });
    expect(stored.version).toMatch(/^"[^"]+"$/);
    const { stream } = await storage.get(key, { ifMatch: stored.version });
    await stream.cancel();
  });

  test("says what is wrong: no address, no one there, a wrong password", async () => {
    const opened = (env: Record<string, string>) =>
      webdav.open({}, driverContext({ host: { ...driverContext().host, env } as never }));
    await expect(opened({})).rejects.toMatchObject({ code: "storage_misconfigured" });
    for (const [env, code] of [
      [{ ...settings(), WEBDAV_URL: "http://127.0.0.1:1/" }, "storage_unavailable"],
      [{ ...settings(), WEBDAV_AUTHORIZATION: "Basic d3Jvbmc=" }, "storage_access_denied"],
    ] as const) {
      const check = await (await opened(env)).check();
      expect(check.healthy).toBe(false);
      expect(check.steps.find(({ ok }) => !ok)?.error).toMatchObject({ code });
    }
  });
});
