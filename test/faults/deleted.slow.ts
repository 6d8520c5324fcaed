import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, onTestFinished, test } from "vitest";
import { ApiClient } from "../support/api-client.ts";
import { canRun } from "../support/can-run.ts";
import { ServerProcess } from "../support/server-process.ts";
import { tempFolder } from "../support/temp-folder.ts";

const mayTrace = canRun(
  spawnSync("strace", ["-f", "true"]).status === 0,
  "strace is not installed or may not attach (apt-get install strace)",
);

const TEXT = Buffer.from("Private as it is, it is gone when it is deleted.\n".repeat(50));
const PATIENCE = { timeout: 20_000, interval: 50 };
const LONG_AGO = Date.now() / 1000 - 3600;

/** Servers on one folder that take over no jobs, and reconcile every second. */
class Scene {
  readonly #folder = tempFolder();

  async start(): Promise<{ readonly server: ServerProcess; readonly api: ApiClient }> {
    const server = await ServerProcess.start({
      FILE_STORAGE_PATH: join(this.#folder, "uploads"),
      DATABASE_URL: `sqlite:${join(this.#folder, "stowage.db")}`,
      PROCESSING_LEASE_SECONDS: "3600",
      RECONCILE_INTERVAL_SECONDS: "1",
    });
    const key = readFileSync(join(this.#folder, "first-api-key"), "utf8").trim();
    return { server, api: new ApiClient(server.url, key) };
  }

  /** Every file of the storage but the one that says who it is. */
  files(below = ""): string[] {
    const folder = join(this.#folder, "uploads", below);
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile() && entry.name !== "storage.json");
    return files.map((entry) => join(entry.parentPath, entry.name));
  }

  /** One upload whose server was killed when it was about to give its text a name. */
  async killedOverText(): Promise<{ readonly id: string; readonly left: string }> {
    const { server, api } = await this.start();
    const id = await api.put("letter.txt", TEXT);
    // The probe at the start renames a file, too: wait until it is done.
    expect((await fetch(`${server.url}/health/ready`)).status).toBe(200);
    await killAtRename(server);
    await api.reprocess(id).catch(() => {});
    expect(await server.ended).toMatchObject({ signal: "SIGKILL" });
    const [left = "", ...others] = this.files(".stowage");
    expect(readFileSync(left, "utf8")).toBe(TEXT.toString().trimEnd());
    expect(others).toEqual([]);
    return { id, left };
  }
}

/** Kills the server at its next rename(2), before anything is renamed. Resolves once it is watched. */
async function killAtRename({ child }: ServerProcess): Promise<void> {
  const calls = "rename,renameat,renameat2";
  const rules = ["-e", `trace=${calls}`, "-e", `inject=${calls}:signal=SIGKILL:when=1`];
  const args = ["-f", "-o", "/dev/null", ...rules, "-p", String(child.pid)];
  const tracer: ChildProcess = spawn("strace", args, { stdio: ["ignore", "ignore", "pipe"] });
  onTestFinished(() => void tracer.kill("SIGKILL"));
  const lines = createInterface({ input: tracer.stderr as NodeJS.ReadableStream });
  for await (const line of lines) if (line.includes("attached")) return;
  throw new Error("strace did not attach");
}

describe.skipIf(!mayTrace)("after a server was killed while it stored a text", () => {
  test("a delete removes the text, though its job was never taken over", async () => {
    const scene = new Scene();
    const { id } = await scene.killedOverText();
    const { server, api } = await scene.start();
    expect(await api.get(id)).toMatchObject({ status: "processing" });
    await api.delete(id);
    expect(scene.files()).toEqual([]);
    await server.kill("SIGTERM");
  });

  test("the next start removes what is dead, and nothing that another server is writing", async () => {
    const scene = new Scene();
    const { id, left } = await scene.killedOverText();
    const other = await scene.start();
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const sending = other.api.send("PUT", "/large.bin", readable);
    // More than one batch: the file is begun with the first.
    for (let count = 0; count < 20; count += 1) await writer.write(new Uint8Array(100_000));
    await expect.poll(() => scene.files(".stowage/tmp").length, PATIENCE).toBe(2);
    utimesSync(left, LONG_AGO, LONG_AGO);
    const next = await scene.start();
    await expect.poll(() => scene.files(".stowage/tmp").includes(left), PATIENCE).toBe(false);
    expect(scene.files(".stowage/tmp")).toHaveLength(1);
    await writer.close();
    const answer = await sending;
    expect([answer.status, ((await answer.json()) as { size: number }).size]).toEqual([
      201, 2_000_000,
    ]);
    await next.api.delete(id);
    await Promise.all([other.server.kill("SIGTERM"), next.server.kill("SIGTERM")]);
  });
});
