/** Runs one contender in a separate process: performs the tasks that its parent sends. */
import { inLanes, seconds } from "../s3/measure.ts";
import type { Contender, Open } from "./contender.ts";
import { type BenchDocument, makeDocuments, SORTS } from "./corpus.ts";
import type { Outcome, Task } from "./task.ts";
import { childrenOf, cpuSeconds, peakMib } from "./usage.ts";

const [module = "", title = "", lanes = "1"] = process.argv.slice(2);
const { open } = (await import(`./contenders/${module}.ts`)) as { open: Open };
const sort = SORTS.find((one) => one.title === title);
if (sort === undefined) throw new Error(`Cannot measure: unknown documents ${title}`);
const documents = makeDocuments(sort);
const contender = await open(Number(lanes), documents);

process.on("message", async (task: Task) => {
  const cpuBefore = await cpuSeconds(process.pid);
  const took = await perform(task);
  const children = await Promise.all((await childrenOf(process.pid)).map(peakMib));
  process.send?.({
    seconds: took,
    cpuSeconds: (await cpuSeconds(process.pid)) - cpuBefore,
    ownMib: await peakMib(process.pid),
    childMib: Math.max(0, ...children),
  } satisfies Outcome);
});
process.send?.("ready");

async function perform({ kind, count }: Task): Promise<number> {
  if (kind === "cold") return await readCold();
  return await seconds(() => (kind === "close" ? contender.close() : readMany(count)));
}

async function readMany(count: number): Promise<void> {
  await inLanes(Number(lanes), count, async (index) => {
    const document = documents[index % documents.length];
    if (document !== undefined) await readChecked(contender, document);
  });
}

/** The first document of a new contender. */
async function readCold(): Promise<number> {
  const first = documents.slice(0, 1);
  const cold = await open(1, first);
  const took = await seconds(() => Promise.all(first.map((one) => readChecked(cold, one))));
  await cold.close();
  return took;
}

async function readChecked(reader: Contender, document: BenchDocument): Promise<void> {
  const text = await reader.read(document);
  if (text.includes(document.ending)) return;
  throw new Error(`Cannot measure ${module}: it did not read to the end of a document`);
}
