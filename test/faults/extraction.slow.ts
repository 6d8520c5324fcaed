import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fault } from "../s3/strict-server.ts";
import type { ApiClient } from "../support/api-client.ts";
import { JobsScene } from "../support/jobs-scene.ts";
import { childrenOf, isRunning, stateOf } from "../support/processes.ts";
import { tempFolder } from "../support/temp-folder.ts";

const NOW = "?auto_process=true";
const TEXT = Buffer.from("Reads from its first word to its last.\n".repeat(2_000).trimEnd());
const PATIENCE = { timeout: 60_000, interval: 20 };
const ONCE = ["queued 0", "processing 1", "processed 1"];
/** What a process that died over its document costs. */
const ONE_MORE_TRY = ["queued 0", "processing 1", "queued 1", "processing 2", "processed 2"];

/** Where the processor `held` stops as long as it may. */
type Place = "starting" | "computing" | "waiting";

/** A processor of its own folder, with files there that say where to stop. */
class HeldProcessor {
  readonly path: string;
  readonly #folder = tempFolder();

  constructor() {
    this.path = join(this.#folder, "held.ts");
    const api = new URL("../../src/processor.ts", import.meta.url).href;
    writeFileSync(
      this.path,
      `import { existsSync } from "node:fs";
       import { defineProcessor } from ${JSON.stringify(api)};
       const holds = (place) => existsSync(new URL(place, import.meta.url));
       while (holds("starting"));
       export default defineProcessor({
         name: "held",
         version: "1",
         accepts: ["text/plain"],
         async process(input, context) {
           await input.bytes();
           context.logger.info("held.working");
           await new Promise((resolve) => setImmediate(resolve));
           while (holds("computing"));
           if (holds("waiting")) await new Promise(() => setInterval(() => {}, 1000));
           // More than the pipe to the server takes at once.
           return { output: {}, text: "held".repeat(1 << 20) };
         },
       });`,
    );
  }

  hold(place: Place): void {
    writeFileSync(join(this.#folder, place), "");
  }

  release(place: Place): void {
    rmSync(join(this.#folder, place));
  }
}

async function openScene(leaseSeconds: string) {
  const held = new HeldProcessor();
  const scene = await JobsScene.open({
    PROCESSING_LEASE_SECONDS: leaseSeconds,
    STOWAGE_PROCESSORS: held.path,
  });
  return { held, scene, ...(await scene.start()) };
}

async function expectDone(scene: JobsScene, api: ApiClient, id: string, steps: string[]) {
  expect(await scene.settled(api, id)).toBe("processed");
  expect(await scene.steps(api, id)).toEqual(steps);
  expect(await (await api.send("GET", `/${id}/text`)).text()).toBe(TEXT.toString());
}

async function expectRetried(scene: JobsScene, api: ApiClient, id: string) {
  await expectDone(scene, api, id, ONE_MORE_TRY);
  const [, , retry] = await scene.history(api, id);
  expect(retry?.error).toMatchObject({ code: "extractor_crashed", retryable: true });
}

test.each([
  "computing",
  "waiting",
] as const)("an extraction process that is %s, deaf to all, ends with its server", async (place) => {
  const { held, scene, server, api } = await openScene("2");
  held.hold(place);
  const working = server.nextLog("held.working");
  const id = await api.put("a.txt", TEXT, NOW);
  await working;
  const children = childrenOf(server.child.pid ?? 0);
  expect(children).toHaveLength(1);
  await server.kill("SIGKILL");
  await expect.poll(() => children.filter(isRunning), PATIENCE).toEqual([]);
  held.release(place);
  const next = await scene.start();
  await expectDone(scene, next.api, id, [
    ...["queued 0", "processing 1", "processing 2", "processed 2"],
  ]);
  expect(scene.texts().sort()).toEqual(["held-4.txt", "text-4.txt"]);
  await next.server.kill("SIGTERM");
});

test("an extraction process killed while it starts costs no try", async () => {
  const { held, scene, server, api } = await openScene("30");
  // After one that served the canary of the server's start.
  await expectDone(scene, api, await api.put("first.txt", TEXT, NOW), ONCE);
  for (const child of childrenOf(server.child.pid ?? 0)) process.kill(child, "SIGKILL");
  held.hold("starting");
  const failed = server.nextLog("processing.failed");
  const id = await api.put("a.txt", TEXT, NOW);
  const children: number[] = [];
  const find = () => children.push(...childrenOf(server.child.pid ?? 0));
  // Remembered at the first look: its command line is unreadable while a program replaces the shell.
  await expect.poll(find, PATIENCE).toBeGreaterThan(0);
  for (const child of children) process.kill(child, "SIGKILL");
  const expected = { uploadId: id, code: "extractor_unavailable", outcome: "retry" };
  expect(await failed).toMatchObject(expected);
  held.release("starting");
  const again = ["queued 0", "processing 1", "queued 0", "processing 1", "processed 1"];
  await expectDone(scene, api, id, again);
  await server.kill("SIGTERM");
});

test("an extraction process killed while it computes costs one try", async () => {
  const { held, scene, server, api } = await openScene("30");
  held.hold("computing");
  const working = server.nextLog("held.working");
  const id = await api.put("a.txt", TEXT, NOW);
  await working;
  for (const child of childrenOf(server.child.pid ?? 0)) process.kill(child, "SIGKILL");
  held.release("computing");
  await expectRetried(scene, api, id);
  expect(scene.texts().sort()).toEqual(["held-5.txt", "text-5.txt"]);
  await server.kill("SIGTERM");
});

test("an extraction process killed while it sends its answer costs one try, and none of it stays", async () => {
  const { held, scene, server, api } = await openScene("30");
  held.hold("computing");
  const working = server.nextLog("held.working");
  const id = await api.put("a.txt", TEXT, NOW);
  await working;
  const [child = expect.unreachable()] = childrenOf(server.child.pid ?? 0);
  // No one reads: it computes to its end, sends what the pipe takes, and waits for room.
  server.child.kill("SIGSTOP");
  held.release("computing");
  await expect.poll(() => stateOf(child), PATIENCE).toBe("S");
  process.kill(child, "SIGKILL");
  server.child.kill("SIGCONT");
  await expectRetried(scene, api, id);
  expect(scene.texts().sort()).toEqual(["held-5.txt", "text-5.txt"]);
  await server.kill("SIGTERM");
});

test.each([
  "while it waits for its document",
  "while it holds its document",
])("an extraction process killed %s costs one try, and its reason stays to be read", async (phase) => {
  const scene = await JobsScene.open({ PROCESSING_LEASE_SECONDS: "30" });
  const { server, api } = await scene.start();
  const held = scene.s3.faults.add({
    action: "GetObject",
    when: scene.isFile,
    times: 1,
    do: fault.stallBody(10_000),
  });
  const id = await api.put("a.txt", TEXT, NOW);
  await held.struck;
  const children = () => childrenOf(server.child.pid ?? 0);
  await expect.poll(() => children().length, PATIENCE).toBe(1);
  const [child = expect.unreachable()] = children();
  // Stopped first, it gets the rest of the document without a chance to make anything of it.
  if (phase === "while it holds its document") {
    process.kill(child, "SIGSTOP");
    held.release();
    await scene.s3.idle();
  }
  process.kill(child, "SIGKILL");
  held.release();
  await expectRetried(scene, api, id);
  expect(scene.texts()).toEqual(["text-5.txt"]);
  await server.kill("SIGTERM");
});

test("an extraction process killed while it is idle costs nothing", async () => {
  const scene = await JobsScene.open({ PROCESSING_LEASE_SECONDS: "30" });
  const { server, api } = await scene.start();
  await expectDone(scene, api, await api.put("a.txt", TEXT, NOW), ONCE);
  const children = () => childrenOf(server.child.pid ?? 0);
  for (const child of children()) process.kill(child, "SIGKILL");
  await expect.poll(children, PATIENCE).toEqual([]);
  await expectDone(scene, api, await api.put("b.txt", TEXT, NOW), ONCE);
  await server.kill("SIGTERM");
});
