/** `npm run bench:process`: how fast text is found in documents, beside other ways of finding it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Target } from "../client.ts";
import { median } from "../s3/measure.ts";
import { Measured } from "../s3/process.ts";
import { CANDIDATES, type Candidate, isThere } from "./contenders.ts";
import { makeDocuments, SORTS, type Sort } from "./corpus.ts";
import { ServiceClient } from "./service.ts";
import type { Outcome, Task } from "./task.ts";
import { childrenOf, peakMib } from "./usage.ts";

const HELP = `Usage: npm run bench:process -- [options]

Makes PDF and DOCX documents, the same ones every time, and has each contender, in a process of its own, read
them by turns: our processor in the processes that the service runs it in, without isolation, and programs of
others (pdftotext, docx2txt, pandoc; a missing one is left out). Figures are medians of the rounds. All share
the machine, so trust the ratios and the CPU time, not the values. MiB are the documents'; CPU counts all
processes; memory is the peak (VmHWM) of the contender's process, and + that of the largest it keeps.

  --rounds N    rounds after a warm-up (5)
  --only WORD   only documents whose title contains WORD; cold and service are such words too
  --quick       2 rounds
  --help        this text
`;

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string" },
    only: { type: "string", default: "" },
    quick: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const ROUNDS = Number(flags.rounds ?? (flags.quick ? 2 : 5));
const MIB = 2 ** 20;

/** One contender with one sort of documents. */
interface Running {
  readonly candidate: Candidate;
  readonly child: Measured<string>;
  readonly outcomes: Outcome[];
}

async function start(sort: Sort, candidates: readonly Candidate[]): Promise<Running[]> {
  const module = new URL("./child.ts", import.meta.url).href;
  const all: Running[] = [];
  for (const candidate of candidates) {
    const args = [candidate.module, sort.title, String(candidate.lanes)];
    all.push({ candidate, child: await Measured.start<string>(module, args), outcomes: [] });
  }
  return all;
}

/** Have all of `candidates` do `task` by turns, after once to warm up. */
async function compete(
  sort: Sort,
  candidates: readonly Candidate[],
  task: Task,
): Promise<Running[]> {
  const all = await start(sort, candidates);
  try {
    // Half of it, so that processes are replaced in the middle of rounds.
    const half = { ...task, count: Math.ceil(task.count / 2) };
    for (const { child } of all) await child.ask<Outcome>(half);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const { child, outcomes } of all) outcomes.push(await child.ask<Outcome>(task));
    }
    for (const { child } of all) await child.ask<Outcome>({ ...task, kind: "close" });
    return all;
  } finally {
    for (const { child } of all) await child.stop();
  }
}

function secondsOf({ outcomes }: Running): number {
  return median(outcomes.map((outcome) => outcome.seconds));
}

function cpuOf({ outcomes }: Running): number {
  return median(outcomes.map((outcome) => outcome.cpuSeconds));
}

/** The one that `module` names; one after another, unless `lanes` says more. */
function find(all: readonly Running[], module: string, lanes = 1): Running | undefined {
  return all.find(({ candidate }) => candidate.module === module && candidate.lanes === lanes);
}

async function readAll(sort: Sort): Promise<void> {
  const { title, format, pages, count } = sort;
  const chosen = CANDIDATES.filter(({ formats }) => formats.includes(format));
  const all = await compete(sort, chosen.filter(isThere), { kind: "read", count });
  const documents = makeDocuments(sort);
  const meanMib =
    documents.reduce((sum, { bytes }) => sum + bytes.byteLength, 0) / documents.length / MIB;
  print(`\n${title}, ${(meanMib * 1024).toFixed(0)} KiB (median of ${ROUNDS} rounds of ${count})`);
  const bare = find(all, "in-process");
  for (const running of all) {
    const each = secondsOf(running) / count;
    const cpuMs = (cpuOf(running) / count / pages) * 1000;
    const { ownMib = 0, childMib = 0 } = running.outcomes.at(-1) ?? {};
    const ratio = bare === undefined ? Number.NaN : secondsOf(bare) / secondsOf(running);
    const figures = [
      `${(1 / each).toFixed(1).padStart(6)} docs/s`,
      `${(pages / each).toFixed(0).padStart(5)} pages/s`,
      `${(meanMib / each).toFixed(2).padStart(5)} MiB/s`,
      `× ${ratio.toFixed(2)} bare`,
      `CPU ${cpuMs.toFixed(2).padStart(6)} ms/page`,
      `RSS ${ownMib.toFixed(0)}${childMib === 0 ? "" : ` + ${childMib.toFixed(0)}`} MiB`,
    ];
    row(running.candidate.name, figures);
  }
  for (const candidate of chosen) if (!isThere(candidate)) row(candidate.name, ["not installed"]);
  conclude(all);
}

/** What the figures say about what we aim at; processor time too, which other work disturbs less. */
function conclude(all: readonly Running[]): void {
  const [bare, warm, theirs] = ["in-process", "warm", "pdftotext"].map((name) => find(all, name));
  if (bare === undefined || warm === undefined) return;
  const more = (of: typeof secondsOf): string =>
    `${((of(warm) / of(bare) - 1) * 100).toFixed(0)} %`;
  const ratio = (of: typeof secondsOf): string =>
    theirs === undefined ? "" : `× ${(of(theirs) / of(warm)).toFixed(2)}`;
  print(`  → isolation costs ${more(secondsOf)}, ${more(cpuOf)} CPU on a warm child (aim: ≤ 10 %)`);
  if (theirs === undefined) return;
  print(`  → a warm child is ${ratio(secondsOf)} pdftotext, ${ratio(cpuOf)} by CPU (aim: ≥ 0.3)`);
}

async function readCold(sort: Sort): Promise<void> {
  const cold = CANDIDATES.filter(
    ({ module, lanes }) => lanes === 1 && (module === "served" || module === "pdftotext"),
  );
  const all = await compete(sort, cold.filter(isThere), { kind: "cold", count: 1 });
  print(`\ncold start: the first ${sort.title} (median of ${ROUNDS})`);
  for (const running of all) {
    row(running.candidate.name, [`${(secondsOf(running) * 1000).toFixed(0).padStart(6)} ms`]);
  }
}

/** Documents through the whole service: sent over HTTP, stored, read, their text stored. */
async function serveAll(sorts: readonly Sort[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "stowage-bench-"));
  const module = new URL("../servers/stowage.ts", import.meta.url).href;
  const before = await childrenOf(process.pid);
  const server = await Measured.start<Target>(module, [folder], {
    // As npm start and the bin have it.
    execArgv: ["--max-semi-space-size=4"],
  });
  const pid = (await childrenOf(process.pid)).find((one) => !before.includes(one)) ?? 0;
  const client = new ServiceClient(server.ready);
  const idleMib = await server.peakMib();
  try {
    print(`\nservice: upload with auto_process until processed (median of ${ROUNDS})`);
    for (const sort of sorts) {
      const documents = makeDocuments(sort);
      await client.process(documents, sort.count);
      const took: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        took.push(await client.process(documents, sort.count));
      }
      const children = await Promise.all((await childrenOf(pid)).map(peakMib));
      const speed = sort.count / median(took);
      row(sort.title, [
        `${speed.toFixed(1).padStart(6)} docs/s`,
        `${(speed * sort.pages).toFixed(0).padStart(5)} pages/s`,
        `RSS ${idleMib.toFixed(0)} → ${(await server.peakMib()).toFixed(0)}`,
        `+ ${Math.max(0, ...children).toFixed(0)} MiB`,
      ]);
    }
  } finally {
    await client.close();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function row(name: string, figures: readonly string[]): void {
  print(`  ${name.padEnd(28)}${figures.join("   ")}`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

if (flags.help) {
  process.stdout.write(HELP);
} else {
  const chosen = SORTS.filter(({ title }) => title.includes(flags.only));
  const [first] = SORTS;
  print(`Node ${process.version}, ${ROUNDS} rounds after a warm-up`);
  for (const sort of chosen) await readAll(sort);
  if (first !== undefined && "cold".includes(flags.only)) await readCold(first);
  if ("service".includes(flags.only)) await serveAll(flags.only === "" ? chosen : SORTS);
}
