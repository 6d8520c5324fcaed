import { expect, test } from "vitest";
import type { Fault } from "../s3/strict/faults.ts";
import { fault } from "../s3/strict-server.ts";
import type { ApiClient } from "../support/api-client.ts";
import { JobsScene } from "../support/jobs-scene.ts";
import { childrenOf, isRunning } from "../support/processes.ts";
import type { ServerProcess } from "../support/server-process.ts";

const NOW = "?auto_process=true";
const TEXT = Buffer.from("Reads from its first word to its last.\n".repeat(2_000).trimEnd());
const PATIENCE = { timeout: 60_000, interval: 20 };

/** What a run that died leaves in the history is the next one's beginning. */
const TWICE = ["queued 0", "processing 1", "processing 2", "processed 2"];

async function expectDone(scene: JobsScene, api: ApiClient, id: string, steps: string[]) {
  expect(await scene.settled(api, id)).toBe("processed");
  expect(await scene.steps(api, id)).toEqual(steps);
  expect(await (await api.send("GET", `/${id}/text`)).text()).toBe(TEXT.toString());
}

const isDelete = ({ action = "" }: { action?: string | undefined }) =>
  action.startsWith("DeleteObject");

interface Held {
  readonly scene: JobsScene;
  readonly server: ServerProcess;
  readonly api: ApiClient;
}

/** Where a job is held: each ends with its server at that very place, and says how to let others pass. */
const PHASES: Record<string, (held: Held) => Promise<{ id: string; release?: () => void }>> = {
  async "after its claim"({ scene, api }) {
    const held = scene.s3.faults.add({
      action: "GetObject",
      when: scene.isFile,
      times: 1,
      do: fault.stallAnswer(),
    });
    const id = await api.put("a.txt", TEXT, NOW);
    await held.struck;
    return { id, release: held.release };
  },
  async "while its document is read"({ scene, api, server }) {
    const held = scene.s3.faults.add({
      action: "GetObject",
      when: scene.isFile,
      times: 1,
      do: fault.stallBody(10_000),
    });
    const id = await api.put("a.txt", TEXT, NOW);
    await held.struck;
    await expect.poll(() => childrenOf(server.child.pid ?? 0).length, PATIENCE).toBe(1);
    return { id, release: held.release };
  },
  async "while its text is stored"({ scene, api }) {
    const held = scene.s3.faults.add({
      action: "PutObject",
      when: scene.isText,
      times: 1,
      do: fault.stallRequest(100),
    });
    const id = await api.put("a.txt", TEXT, NOW);
    await held.struck;
    return { id, release: held.release };
  },
  async "when its text is stored and no one has reported it"({ scene, api }) {
    const held = scene.s3.faults.add({
      action: "PutObject",
      when: scene.isText,
      times: 1,
      do: fault.stallAnswer(),
    });
    const id = await api.put("a.txt", TEXT, NOW);
    await expect.poll(() => scene.texts(), PATIENCE).toEqual(["text-3.txt"]);
    return { id, release: held.release };
  },
  async "before its result is written"({ scene, api }) {
    const held = scene.s3.faults.add({
      action: "PutObject",
      when: scene.isText,
      times: 1,
      do: fault.stallAnswer(),
    });
    const id = await api.put("a.txt", TEXT, NOW);
    const seen = await held.struck;
    const unlock = scene.lockDatabase();
    held.release();
    await expect.poll(() => seen.outcome, PATIENCE).toBe("answered");
    return { id, release: unlock };
  },
};

test.each(
  Object.keys(PHASES),
)("a server killed %s loses no job and doubles nothing", async (phase) => {
  const scene = await JobsScene.open({ PROCESSING_LEASE_SECONDS: "2" });
  const { server, api } = await scene.start();
  const { id, release } = (await PHASES[phase]?.({ scene, server, api })) ?? expect.unreachable();
  const children = childrenOf(server.child.pid ?? 0);
  await server.kill("SIGKILL");
  release?.();
  const next = await scene.start();
  await expectDone(scene, next.api, id, TWICE);
  // The one text is that of the run that counts, and no one is left of the server that died.
  await expect.poll(() => scene.texts(), PATIENCE).toEqual(["text-4.txt"]);
  expect(scene.s3.uploadsInProgress(scene.bucket)).toEqual([]);
  await expect.poll(() => children.filter(isRunning), PATIENCE).toEqual([]);
  await next.server.kill("SIGTERM");
});

test("a server killed before it claims a job leaves it to the next, with all its tries", async () => {
  const scene = await JobsScene.open({ PROCESSING_LEASE_SECONDS: "2" });
  const { server, api } = await scene.start();
  const held = scene.s3.faults.add({
    action: "GetObject",
    when: scene.isFile,
    times: 1,
    do: fault.stallAnswer(),
  });
  const first = await api.put("a.txt", TEXT, NOW);
  await held.struck;
  const second = await api.put("b.txt", TEXT, NOW);
  await server.kill("SIGKILL");
  held.release();
  const next = await scene.start();
  await expectDone(scene, next.api, first, TWICE);
  await expectDone(scene, next.api, second, ["queued 0", "processing 1", "processed 1"]);
  await next.server.kill("SIGTERM");
});

test("a server killed before it removes the text it has replaced leaves it to the next run", async () => {
  const scene = await JobsScene.open({ PROCESSING_LEASE_SECONDS: "2" });
  const { server, api } = await scene.start();
  const id = await api.put("a.txt", TEXT, NOW);
  await scene.settled(api, id);
  // Held, and never done.
  const { instead } = fault.answer(503, "ServiceUnavailable");
  const hold: Fault = {
    instead: (gate) => ({ ...(instead?.(gate) ?? expect.unreachable()), before: gate }),
  };
  const held = scene.s3.faults.add({ action: "*", do: hold, when: isDelete });
  await api.reprocess(id);
  await held.struck;
  expect((await api.get(id)).status).toBe("processed");
  await server.kill("SIGKILL");
  held.remove();
  expect(scene.texts().sort()).toEqual(["text-3.txt", "text-6.txt"]);
  const next = await scene.start();
  const rest = ["queued 0", "processing 1", "processed 1"];
  await expectDone(scene, next.api, id, [...rest, ...rest]);
  await next.api.reprocess(id);
  await expectDone(scene, next.api, id, [...rest, ...rest, ...rest]);
  await expect.poll(() => scene.texts(), PATIENCE).toEqual(["text-9.txt"]);
  await next.server.kill("SIGTERM");
});

test("a server stopped beyond its lease and woken changes nothing, and its late text goes", async () => {
  const scene = await JobsScene.open({ PROCESSING_LEASE_SECONDS: "2" });
  const { server, api } = await scene.start();
  const held = scene.s3.faults.add({
    action: "PutObject",
    when: scene.isText,
    times: 1,
    do: fault.stallRequest(),
  });
  const id = await api.put("a.txt", TEXT, NOW);
  await held.struck;
  server.child.kill("SIGSTOP");
  const other = await scene.start();
  await expectDone(scene, other.api, id, TWICE);
  expect(scene.texts()).toEqual(["text-4.txt"]);
  // What it had sent before it was stopped arrives now.
  held.release();
  await expect.poll(() => scene.texts().sort(), PATIENCE).toEqual(["text-3.txt", "text-4.txt"]);
  server.child.kill("SIGCONT");
  await expect.poll(() => scene.texts(), PATIENCE).toEqual(["text-4.txt"]);
  await expectDone(scene, api, id, TWICE);
  await Promise.all([server.kill("SIGTERM"), other.server.kill("SIGTERM")]);
});

test("SIGTERM hands a running job back with its try, at once for another server", async () => {
  const scene = await JobsScene.open({ PROCESSING_LEASE_SECONDS: "3600" });
  const { server, api } = await scene.start();
  const held = scene.s3.faults.add({
    action: "GetObject",
    when: scene.isFile,
    times: 1,
    do: fault.stallBody(100),
  });
  const id = await api.put("a.txt", TEXT, NOW);
  await held.struck;
  await server.kill("SIGTERM");
  expect(await server.ended).toEqual({ code: 0, signal: null });
  const row = scene.inDatabase((db) =>
    db.prepare("SELECT status, attempts, lease_token, lease_until FROM uploads").get(),
  );
  expect(row).toEqual({ status: "queued", attempts: 0, lease_token: null, lease_until: null });
  const next = await scene.start();
  const steps = ["queued 0", "processing 1", "queued 0", "processing 1", "processed 1"];
  await expectDone(scene, next.api, id, steps);
  await next.server.kill("SIGTERM");
});

test("three servers share 200 jobs of one database, each run exactly once", async () => {
  const scene = await JobsScene.open({ PROCESSING_LEASE_SECONDS: "60" });
  const servers = await Promise.all([1, 2, 3].map(() => scene.start()));
  const [first] = servers;
  const held = scene.s3.faults.add({
    action: "GetObject",
    when: scene.isFile,
    do: fault.stallAnswer(),
  });
  const ids: string[] = [];
  const put = async () => {
    while (ids.length < 200) ids.push((await first?.api.put("a.txt", TEXT, NOW)) ?? "");
  };
  await Promise.all(Array.from({ length: 8 }, put));
  // No one goes on before everyone has one.
  await expect.poll(() => held.hits, PATIENCE).toBe(3);
  held.remove();
  const waiting = () =>
    scene.inDatabase((db) =>
      db.prepare("SELECT count(*) AS n FROM uploads WHERE status <> 'processed'").get(),
    );
  await expect.poll(waiting, { timeout: 100_000, interval: 250 }).toEqual({ n: 0 });
  const runs = scene.inDatabase((db) =>
    db
      .prepare(
        `SELECT runs, attempts, count(*) AS uploads FROM (SELECT upload_id, count(*) AS runs FROM events
           WHERE type = 'upload.processing' GROUP BY upload_id) JOIN uploads ON id = upload_id
         GROUP BY runs, attempts`,
      )
      .all(),
  );
  expect(runs).toEqual([{ runs: 1, attempts: 1, uploads: ids.length }]);
  expect(scene.texts()).toHaveLength(ids.length);
  const finished = servers.map(
    ({ server }) => server.log.filter(({ event }) => event === "processing.finished").length,
  );
  expect(Math.min(...finished)).toBeGreaterThan(0);
  expect(finished.reduce((sum, count) => sum + count)).toBe(ids.length);
  await Promise.all(servers.map(({ server }) => server.kill("SIGTERM")));
});
