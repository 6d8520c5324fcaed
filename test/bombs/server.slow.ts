import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { childrenOf } from "../support/processes.ts";
import { ServerProcess } from "../support/server-process.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { openCanary } from "./canary.ts";
import { BOMBS } from "./corpus.ts";
import { descriptorsOf, type Pulse, takePulse } from "./load.ts";

const MIB = 1024 * 1024;
/** Larger ones say nothing more about the server, and much about the disk. */
const MAX_BYTES = 8 * MIB;
const CONCURRENCY = 2;
/** Small, and each of them more than an extraction process can do: for its memory, its stack, its time. */
const POISON: readonly { readonly name: string; readonly times: number }[] = [
  { name: "wide-widths.pdf", times: 8 },
  { name: "huge-character-map.pdf", times: 2 },
  { name: "forms-that-double.pdf", times: 3 },
  { name: "predictor.pdf", times: 47 },
  { name: "deep-tables.docx", times: 20 },
];
/** What a library that was taken over does to the process that it is in, and how that ends for certain. */
const DEADLY = ["exit", "exit for certain", "fault", "garbage"];

const NOWHERE = { path: "/nonexistent/canary", url: "http://127.0.0.1:9" };

interface Upload {
  readonly id: string;
  readonly filename: string;
  readonly status: string;
  readonly processing: {
    readonly attempts: number;
    readonly error: { readonly code: string; readonly detail: string } | null;
  };
}

test("a server outlives every document that means harm, and answers meanwhile", async () => {
  const canary = await openCanary();
  onTestFinished(() => canary.close());
  const folder = tempFolder();
  const bombs = join(folder, "bombs");
  // In a process of its own: this one is to ask the server how it is, and nothing else.
  execFileSync(process.execPath, [
    join(import.meta.dirname, "generate.ts"),
    ...["--out", bombs, "--canary-file", canary.path, "--canary-url", canary.url],
  ]);
  const { server, put, rest } = await startServer(folder, {});
  await rest([await put("first.txt", Buffer.from("good"))]);
  const descriptors = descriptorsOf(server.child.pid ?? 0);
  const stop = takePulse(server);
  const ids: string[] = [];
  for (const { name, contentType } of BOMBS) {
    const bytes = readFileSync(join(bombs, name));
    if (bytes.byteLength <= MAX_BYTES) ids.push(await put(name, bytes, contentType));
  }
  const uploads = await rest(ids);
  const pulse = await stop();
  console.info(`${uploads.length} documents that mean harm: ${describePulse(pulse)}`);
  for (const { filename, status, processing } of uploads) {
    const { ends } = BOMBS.find(({ name }) => name === filename) ?? { ends: [] };
    if (status === "stored") continue;
    expect(status === "processed" ? status : processing.error?.code, filename).toBeOneOf([...ends]);
  }
  expect(uploads.filter(({ status }) => status !== "stored").length).toBeGreaterThan(40);
  expectHealthy(pulse);
  // What waits for the next document is as it was; connections of ours may be kept open.
  await expect
    .poll(() => descriptorsOf(server.child.pid ?? 0), { timeout: 30_000 })
    .toBeLessThan(descriptors + 20);
  await expectNothingLeft(server);
  expect(canary.visits()).toBe(0);
  expect(canary.wasRead()).toBe(false);
  const log = JSON.stringify(server.log);
  expect(log).not.toContain(canary.secret);
  expect(log).not.toContain("boom");
});

test("a thousand good documents among a hundred poisonous ones are all processed", async () => {
  const folder = tempFolder();
  const { server, put, rest } = await startServer(folder, {
    PROCESSING_TIMEOUT_SECONDS: "2",
    STOWAGE_PROCESSORS: join(import.meta.dirname, "deeds.ts"),
  });
  const documents = POISON.flatMap(({ name, times }) => {
    const bytes = BOMBS.find((bomb) => bomb.name === name)?.make(NOWHERE) ?? Buffer.alloc(0);
    return Array.from({ length: times }, () => ({ name, bytes, type: "text/plain" }));
  });
  const deeds = Array.from({ length: 20 }, (_, i) => {
    const bytes = Buffer.from(DEADLY[i % DEADLY.length] ?? "");
    return { name: "deed.txt", bytes, type: "text/x-deed" };
  });
  const stop = takePulse(server);
  const good: string[] = [];
  const bad: string[] = [];
  for (const { name, bytes, type } of [...documents, ...deeds]) {
    bad.push(await put(name, bytes, type));
    const texts = Array.from({ length: 10 }, (_, at) => put("a.txt", Buffer.from(`good ${at}`)));
    good.push(...(await Promise.all(texts)));
  }
  const processed = await rest(good);
  const failed = await rest(bad);
  const pulse = await stop();
  console.info(`${good.length} good among ${bad.length} others: ${describePulse(pulse)}`);
  expect([good.length, bad.length]).toEqual([1000, 100]);
  expect(processed.filter(({ status }) => status !== "processed")).toEqual([]);
  expect(new Set(failed.map(({ status }) => status))).toEqual(new Set(["failed"]));
  for (const { filename, processing } of failed) {
    const deed = filename === "deed.txt";
    expect(processing.error?.code, filename).toBe(
      deed ? "extractor_crashed" : "document_too_complex",
    );
    // A crash may not have been the document's doing: it is tried again, as often as is allowed.
    expect(processing.attempts).toBe(deed ? 3 : 1);
  }
  expectHealthy(pulse);
  await expectNothingLeft(server);
});

/** A server in `folder`, and its caller. */
async function startServer(folder: string, env: Readonly<Record<string, string>>) {
  const server = await ServerProcess.start({
    FILE_STORAGE_PATH: join(folder, "uploads"),
    DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
    PROCESSING_CONCURRENCY: String(CONCURRENCY),
    AUTO_PROCESS: "true",
    ...env,
  });
  const key = readFileSync(join(folder, "first-api-key"), "utf8").trim();
  const call = async (method: string, path: string, type = "", body?: Uint8Array) => {
    const answer = await fetch(`${server.url}/api/v1/upload/${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(type === "" ? {} : { "content-type": type }) },
      body: body === undefined ? null : Buffer.from(body),
    });
    const upload = (await answer.json()) as Upload;
    expect(answer.ok, JSON.stringify(upload)).toBe(true);
    return upload;
  };
  return {
    server,
    put: async (name: string, bytes: Uint8Array, type?: string) =>
      (await call("PUT", encodeURIComponent(name), type ?? "text/plain", bytes)).id,
    /** Wait until none of these is queued or running. */
    async rest(ids: readonly string[]): Promise<Upload[]> {
      const uploads: Upload[] = [];
      for (const id of ids) {
        let upload = await call("GET", id);
        while (upload.status === "queued" || upload.status === "processing") {
          await new Promise((resolve) => setTimeout(resolve, 200));
          upload = await call("GET", id);
        }
        uploads.push(upload);
      }
      return uploads;
    },
  };
}

function expectHealthy(pulse: Pulse): void {
  expect(pulse.failures).toEqual([]);
  // Generous: other things may run on this machine. A server that parses itself stands still for seconds.
  expect(pulse.p99Ms).toBeLessThan(1000);
  expect(pulse.rssMost - pulse.rssBefore).toBeLessThan(256 * MIB);
  expect(pulse.childMost).toBeLessThanOrEqual(512 * MIB);
}

async function expectNothingLeft(server: ServerProcess): Promise<void> {
  const children = childrenOf(server.child.pid ?? 0);
  expect(children.length).toBeLessThanOrEqual(CONCURRENCY);
  await server.kill("SIGTERM");
  expect(await server.ended).toEqual({ code: 0, signal: null });
  expect(children.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
}

function describePulse({
  asked,
  medianMs,
  p99Ms,
  maxMs,
  rssBefore,
  rssMost,
  childMost,
}: Pulse): string {
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  const mib = (value: number) => `${Math.round(value / MIB)} MiB`;
  return [
    `/health/live asked ${asked} times`,
    `median ${ms(medianMs)}, p99 ${ms(p99Ms)}, most ${ms(maxMs)}`,
    `server ${mib(rssBefore)}, most ${mib(rssMost)}`,
    `extraction process at most ${mib(childMost)}`,
  ].join("; ");
}
