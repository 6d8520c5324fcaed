import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const MAIN = resolve("src/cli/main.ts");

let folder: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stowage-main-"));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await rm(folder, { recursive: true });
});

/** Start the real program in a folder of its own, with nothing of this process's environment. */
function start(argv: readonly string[], env: Record<string, string> = {}, node: string[] = []) {
  const child = spawn(process.execPath, [...node, MAIN, ...argv], {
    cwd: folder,
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal }));
  return { child, ended };
}

async function finish(...args: Parameters<typeof start>) {
  const { child, ended } = start(...args);
  const [out, err, { code }] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { out, err, code };
}

/** Start a server on a free port. @returns Its address, and everything it wrote. */
async function serve(env: Record<string, string> = {}) {
  const { child, ended } = start(["serve", "--json"], { PORT: "0", ...env });
  const err = text(child.stderr);
  const [line] = await Promise.race([
    once(child.stdout, "data"),
    err.then((message) => Promise.reject(new Error(message))),
  ]);
  return { child, ended, err, url: JSON.parse(String(line)).url as string };
}

/** Resolves once the program has written `words` to stderr. */
async function said(child: ChildProcess, words: string): Promise<void> {
  let all = "";
  await new Promise<void>((resolve) => {
    child.stderr?.on("data", (chunk) => {
      all += chunk;
      if (all.includes(words)) resolve();
    });
  });
}

describe("the program", () => {
  it.each([
    ["20.20.2", 2],
    ["22.15.1", 2],
    ["22.16.0", 0],
    ["24.0.0", 0],
  ])("judges Node %s before it loads anything: exit %d", async (version, code) => {
    const pretend = `Object.defineProperty(process.versions, "node", { value: "${version}" })`;
    const older = ["--import", `data:text/javascript,${encodeURIComponent(pretend)}`];
    const done = await finish(["--version"], {}, older);
    expect(done.code).toBe(code);
    if (code === 2) {
      expect(done.out).toBe("");
      expect(done.err).toBe(`Stowage needs Node 22.16 or newer; this is Node ${version}\n`);
    }
  });

  it("reports wrong usage and wrong settings by exit 2, on stderr", async () => {
    for (const [argv, env] of [
      [["sevre"], {}],
      [["serve"], { PORT: "x" }],
    ] as const) {
      const { code, out, err } = await finish(argv, env);
      expect({ code, out }).toEqual({ code: 2, out: "" });
      expect(err).not.toBe("");
      expect(err).not.toContain("    at ");
    }
  });

  it("bears a reader that goes away", async () => {
    const { child, ended } = start(["serve", "--help"]);
    child.stdout.destroy();
    const err = text(child.stderr);
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(await err).toBe("");
  });

  it("makes a key that another process lists and revokes", async () => {
    const made = await finish(["token", "create", "--tenant", "acme"]);
    expect(made).toMatchObject({ code: 0, out: expect.stringMatching(/^stw_\S{60}\n$/) });
    const revoked = await finish(["token", "revoke", made.out.trim()]);
    expect(revoked.code).toBe(0);
    const { out } = await finish(["token", "list", "--json"]);
    expect(JSON.parse(out).items).toEqual([
      expect.objectContaining({ tenant: "acme", revoked_at: expect.any(String) }),
    ]);
    expect(out).not.toContain(made.out.trim().slice(21));
  });

  it("serves, stops on the first signal and exits with 0", async () => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      const { child, ended, url } = await serve();
      expect((await fetch(`${url}/health/live`)).status).toBe(200);
      child.kill(signal);
      expect(await ended).toEqual({ code: 0, signal: null });
    }
  });

  it("stops at once on the second signal, with a request in flight", async () => {
    const { child, ended, url } = await serve();
    const { out: key } = await finish(["token", "create", "--tenant", "acme"]);
    const { hostname, port } = new URL(url);
    const socket = createConnection(Number(port), hostname);
    socket.on("error", () => {});
    await once(socket, "connect");
    socket.write(
      `PUT /api/v1/upload/a.txt HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key.trim()}\r\ncontent-length: 1000\r\nexpect: 100-continue\r\n\r\n`,
    );
    await once(socket, "data");
    child.kill("SIGTERM");
    // Two signals at the same moment may arrive as one.
    await said(child, "Stopping");
    child.kill("SIGTERM");
    expect(await ended).toEqual({ code: 1, signal: null });
    socket.destroy();
  });

  it("says in one line that its port is taken, exit 1", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const { code, out, err } = await finish(["serve"], { PORT: String(port), LOG_LEVEL: "error" });
    other.close();
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch(new RegExp(`^Cannot listen on 127\\.0\\.0\\.1:${port}: .*\n$`));
  });
});
