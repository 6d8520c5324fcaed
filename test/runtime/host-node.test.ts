import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { concatBytes } from "../../src/domain/bytes.ts";
import { type LogFields, type Logger, SILENT } from "../../src/domain/ports/logger.ts";
import { createNodeHost, nodeHost } from "../../src/runtime/host-node.ts";

const PATH = process.env["PATH"] ?? "";
const shell = (script: string, host = nodeHost) =>
  host.spawn("sh", ["-c", script], { env: { PATH } });

async function bytesOf(output: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of output) chunks.push(chunk);
  return Uint8Array.from(concatBytes(chunks));
}

const textOf = async (output: AsyncIterable<Uint8Array>) =>
  new TextDecoder().decode(await bytesOf(output));

describe("spawn()", () => {
  it("gives a process exactly the given environment", async () => {
    process.env["STOWAGE_CANARY_SECRET"] = "do not pass on";
    onTestFinished(() => void delete process.env["STOWAGE_CANARY_SECRET"]);
    const started = nodeHost.spawn("env", [], { env: { PATH, ONLY: "this" } });
    expect((await textOf(started.output)).trim().split("\n").toSorted()).toEqual(
      ["ONLY=this", `PATH=${PATH}`].toSorted(),
    );
  });

  it("carries bytes in and out", async () => {
    const cat = nodeHost.spawn("cat", [], { env: { PATH } });
    const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251);
    const written = cat.write(bytes).then(() => cat.end());
    expect(Buffer.compare(await bytesOf(cat.output), bytes)).toBe(0);
    await written;
    expect(await cat.ended).toEqual({ code: 0, signal: null });
  });

  it("write() waits until the process reads more", async () => {
    const cat = nodeHost.spawn("cat", [], { env: { PATH } });
    process.kill(cat.pid, "SIGSTOP");
    let through = false;
    const writing = cat.write(new Uint8Array(4 << 20)).then(() => {
      through = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(through).toBe(false);
    process.kill(cat.pid, "SIGCONT");
    const reading = bytesOf(cat.output);
    await writing;
    cat.end();
    expect((await reading).byteLength).toBe(4 << 20);
  });

  it("rejects write() once the process has ended, and nothing else fails", async () => {
    const gone = shell("exit 3");
    expect(await gone.ended).toEqual({ code: 3, signal: null });
    const writing = (async () => {
      for (;;) await gone.write(new Uint8Array(1 << 20));
    })();
    await expect(writing).rejects.toThrow();
    gone.end();
    gone.kill("SIGKILL");
  });

  it("rejects write() to a process that closed its input, and nothing else fails", async () => {
    const deaf = shell("exec <&-; echo closed; exec sleep 600");
    for await (const _ of deaf.output) break;
    await expect(deaf.write(new Uint8Array(1 << 20))).rejects.toMatchObject({ code: "EPIPE" });
    deaf.kill("SIGKILL");
    expect((await deaf.ended).signal).toBe("SIGKILL");
  });

  it("reports the signal that ended a process", async () => {
    const waiting = shell("read line");
    waiting.kill("SIGTERM");
    expect(await waiting.ended).toEqual({ code: null, signal: "SIGTERM" });
  });

  it("reports code 127 for a program that cannot be started", async () => {
    const none = nodeHost.spawn("/no/such/program", [], { env: {} });
    expect(none.pid).toBe(0);
    expect(await none.ended).toEqual({ code: 127, signal: null });
    expect(await textOf(none.output)).toBe("");
    await expect(none.write(new Uint8Array(1 << 20))).rejects.toThrow();
  });

  it("reports code 127 without free descriptors", () => {
    const script = fileURLToPath(
      new URL("../adapters/extractor/without-descriptors.ts", import.meta.url),
    );
    const { stdout, stderr } = spawnSync(
      "sh",
      ["-c", `ulimit -n 64; exec "$0" "$1"`, process.execPath, script],
      { encoding: "utf8" },
    );
    expect(JSON.parse(stdout || JSON.stringify(stderr))).toEqual({
      full: "EMFILE",
      pid: 0,
      outputBytes: 0,
      write: "rejected",
      ended: { code: 127, signal: null },
      // What the extractor makes of it: no document is to blame.
      extraction: { code: "extractor_unavailable", retryable: true },
    });
  });

  it("logs standard error at debug, cut", async () => {
    const lines: (LogFields | undefined)[] = [];
    const reported = Promise.withResolvers<void>();
    const logger: Logger = {
      ...SILENT,
      debug(_, fields) {
        lines.push(fields);
        reported.resolve();
      },
    };
    const complaining = shell("head -c 5000 /dev/zero | tr '\\0' x >&2", createNodeHost(logger));
    await Promise.all([complaining.ended, reported.promise]);
    expect(lines[0]).toEqual({ pid: complaining.pid, text: "x".repeat(2000) });
  });
});

describe("readTextFile()", () => {
  it("reads a file, returns null for a missing one, and throws for any other error", async () => {
    const folder = await mkdtemp(join(tmpdir(), "stowage-host-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, "credentials"), "[default]");
    expect(await nodeHost.readTextFile(join(folder, "credentials"))).toBe("[default]");
    expect(await nodeHost.readTextFile(join(folder, "none"))).toBeNull();
    expect(await nodeHost.readTextFile(join(folder, "credentials", "none"))).toBeNull();
    await expect(nodeHost.readTextFile(folder)).rejects.toThrow();
  });
});
