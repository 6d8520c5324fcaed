/** One contender in a process of its own: does the tasks that its parent sends. */
import type { Contender, Open, Place } from "./contender.ts";
import { inLanes, seconds } from "./measure.ts";
import type { Task } from "./task.ts";

const CHUNK = new Uint8Array(64 * 1024).fill(120);

const [name = "", place = "{}"] = process.argv.slice(2);
const { open } = (await import(`./contenders/${name}.ts`)) as { open: Open };
const contender = await open(JSON.parse(place) as Place);

process.on("message", async (task: Task) => {
  const cpuBefore = process.cpuUsage();
  const took = await seconds(() => run(contender, task));
  const { user, system } = process.cpuUsage(cpuBefore);
  // Servers that keep objects in memory are soon full.
  if (task.kind === "stream") await contender.put(`${name}/${task.bytes}/0`, new Uint8Array(1));
  process.send?.({ seconds: took, cpuSeconds: (user + system) / 1e6 });
});
process.send?.("ready");

async function run(contender: Contender, task: Task): Promise<void> {
  const bytes = new Uint8Array(task.kind === "stream" ? 0 : task.bytes).fill(120);
  const keyOf = (index: number): string => `${name}/${task.bytes}/${index % task.keys}`;
  const once = async (index: number): Promise<void> => {
    const key = keyOf(index);
    if (task.kind === "stream") await contender.putStream(key, source(task.bytes));
    if (task.kind === "put") await contender.put(key, bytes);
    if (task.kind === "get" && (await contender.get(key)) !== task.bytes) {
      throw new Error(`Cannot measure ${name}: it read another length than ${task.bytes}`);
    }
  };
  await inLanes(task.lanes, task.count, once);
}

/** Chunks as a socket gives them. */
async function* source(bytes: number): AsyncGenerator<Uint8Array> {
  for (let left = bytes; left > 0; left -= CHUNK.byteLength) yield CHUNK;
}
