import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { isRunning } from "../../support/processes.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const HOST = new URL("../../../src/runtime/host-node.ts", import.meta.url).href;
/** Deaf to everything but the system: as a processor in an endless loop, or in none at all. */
const BUSY = "while :; do :; done";
const ASLEEP = "exec sleep 3600";

/** A process that starts these with the Node host, and one more for each line that it reads. */
async function parentOf(scripts: readonly string[], PATH = process.env["PATH"]) {
  const code = `
    import { createInterface } from "node:readline";
    import { nodeHost } from ${JSON.stringify(HOST)};
    const start = (script) => {
      const started = nodeHost.spawn("sh", ["-c", script], { env: { PATH: process.env.PATH } });
      void started.ended.then(() => console.log("ended", started.pid));
      console.log("started", started.pid);
    };
    for (const script of process.argv.slice(1)) start(script);
    createInterface({ input: process.stdin }).on("line", start);`;
  const parent = spawn(process.execPath, ["--input-type=module", "-e", code, ...scripts], {
    env: { ...process.env, PATH },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: parent.stdout })[Symbol.asyncIterator]();
  const pids: number[] = [];
  onTestFinished(() => {
    parent.kill("SIGKILL");
    for (const pid of pids.filter(isRunning)) process.kill(pid, "SIGKILL");
  });
  const next = async (): Promise<string> => (await lines.next()).value ?? "";
  const started = async () => {
    const [, pid = 0] = /^started (\d+)$/.exec(await next()) ?? expect.unreachable();
    pids.push(Number(pid));
    return Number(pid);
  };
  for (const _ of scripts) await started();
  return { parent, pids, next, started };
}

/** As the system lists them. */
async function shellsOf(pid: number): Promise<number[]> {
  const list = spawn("ps", ["-e", "-o", "pid=,ppid=,args="], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  for await (const chunk of list.stdout) text += chunk;
  const all = [...text.matchAll(/^\s*(\d+)\s+(\d+)\s+sh -c trap/gm)];
  return all.filter(([, , parent]) => Number(parent) === pid).map(([, guard]) => Number(guard));
}

test("a process ends with the one that started it, which is killed while its own compute or wait", async () => {
  const { parent, pids } = await parentOf([BUSY, ASLEEP]);
  expect(pids.filter(isRunning)).toEqual(pids);
  parent.kill("SIGKILL");
  await expect.poll(() => pids.filter(isRunning), { timeout: 10_000 }).toEqual([]);
});

test("the guard forgets a process that has ended, because its id may be reused", async () => {
  const folder = tempFolder();
  const reported = join(folder, "reported");
  // The shell that is found first writes down what it receives.
  const script = `#!/bin/sh\ncase "$2" in trap*) tee ${reported} ;; *) exec /bin/sh "$@" ;; esac\n`;
  writeFileSync(join(folder, "sh"), script, { mode: 0o755 });
  const { pids, next } = await parentOf([ASLEEP, ASLEEP], `${folder}:${process.env["PATH"]}`);
  const [first = expect.unreachable(), second] = pids;
  process.kill(first, "SIGKILL");
  expect(await next()).toBe(`ended ${first}`);
  const lines = () => readFileSync(reported, "utf8").trim().split("\n");
  await expect.poll(lines).toEqual([`${first}`, `${first} ${second}`, `${second}`]);
});

test("a guard that was killed is replaced, and knows all processes", async () => {
  const { parent, pids, started } = await parentOf([ASLEEP]);
  const [guard = expect.unreachable()] = await shellsOf(parent.pid ?? 0);
  process.kill(guard, "SIGKILL");
  // One more at once, which the old one may hear of in vain.
  parent.stdin.write(`${ASLEEP}\n`);
  await started();
  const others = async () => (await shellsOf(parent.pid ?? 0)).filter((pid) => pid !== guard);
  await expect.poll(others, { timeout: 10_000 }).toHaveLength(1);
  parent.kill("SIGKILL");
  await expect.poll(() => pids.filter(isRunning), { timeout: 10_000 }).toEqual([]);
});
