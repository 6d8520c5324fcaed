/** `npm run bench:s3`: our S3 driver beside others and the physical limit, in one run. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { BenchClient, type Target } from "../client.ts";
import { PART_BYTES, type Place } from "./contender.ts";
import { median, seconds } from "./measure.ts";
import { visit } from "./place.ts";
import { Measured } from "./process.ts";
import type { Outcome, Task } from "./task.ts";

const HELP = `Usage: npm run bench:s3 -- [options]

Starts a radosgw and has each contender, in a process of its own, do the same tasks by turns. Figures are
medians; server and contenders share the machine, so trust the ratios and the CPU time, not the values.
Memory is each process's peak (VmHWM), from after a first small request to after all rounds.

  --endpoint URL   another server; keys from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
  --rounds N       rounds after a warm-up (5)
  --mib N          length of the stream of unknown length (1024)
  --only WORD      only tasks whose title contains WORD
  --quick          2 rounds, 128 MiB
  --help           this text
`;

const { values: flags } = parseArgs({
  options: {
    endpoint: { type: "string" },
    rounds: { type: "string" },
    mib: { type: "string" },
    only: { type: "string", default: "" },
    quick: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const ROUNDS = Number(flags.rounds ?? (flags.quick ? 2 : 5));
const STREAM_MIB = Number(flags.mib ?? (flags.quick ? 128 : 1024));
const MIB = 2 ** 20;

const CONTENDERS = [
  { name: "limit: undici.request, signed before", module: "undici-request" },
  { name: "stowage", module: "stowage" },
  { name: "@aws-sdk/client-s3 + lib-storage", module: "aws-sdk" },
  { name: "minio", module: "minio" },
  { name: "built-in fetch, signed before", module: "fetch" },
] as const;

interface Scenario {
  readonly title: string;
  readonly task: Task;
  /** Needs its objects to be there. */
  readonly reads?: boolean;
}

const SMALL = { bytes: 1024, keys: 64, lanes: 16, count: flags.quick ? 500 : 1000 } as const;
const LARGE = { bytes: PART_BYTES, keys: 8, lanes: 4, count: flags.quick ? 16 : 32 } as const;
const SCENARIOS: readonly Scenario[] = [
  { title: "put 1 KiB × 16", task: { kind: "put", ...SMALL } },
  { title: "get 1 KiB × 16", task: { kind: "get", ...SMALL }, reads: true },
  { title: "put 8 MiB × 4", task: { kind: "put", ...LARGE } },
  { title: "get 8 MiB × 4", task: { kind: "get", ...LARGE }, reads: true },
  {
    title: `stream ${STREAM_MIB} MiB of unknown length`,
    task: { kind: "stream", bytes: STREAM_MIB * MIB, keys: 1, lanes: 1, count: 1 },
  },
];

/** One contender in one scenario. */
interface Running {
  readonly name: string;
  readonly child: Measured<string>;
  readonly outcomes: Outcome[];
  readonly baseMib: number;
}

async function start(place: Place, { task, reads }: Scenario): Promise<Running[]> {
  const all: Running[] = [];
  for (const { name, module } of CONTENDERS) {
    const child = await Measured.start<string>("./child.ts", [module, JSON.stringify(place)]);
    await child.ask({ ...task, kind: "put", bytes: 1, keys: 1, count: 1 } satisfies Task);
    all.push({ name, child, outcomes: [], baseMib: await child.peakMib() });
    if (reads) await child.ask({ ...task, kind: "put", count: task.keys } satisfies Task);
  }
  return all;
}

async function compete(place: Place, scenario: Scenario): Promise<void> {
  const { title, task } = scenario;
  const all = await start(place, scenario);
  try {
    // A stream warms up while it goes; the others take a round for it.
    if (task.kind !== "stream") for (const { child } of all) await child.ask(task);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const { child, outcomes } of all) outcomes.push(await child.ask<Outcome>(task));
    }
    print(`\n${title} (median of ${ROUNDS})`);
    await report(all, task);
  } finally {
    for (const { child } of all) await child.stop();
  }
}

async function report(all: readonly Running[], task: Task): Promise<void> {
  const small = task.bytes < MIB;
  const amount = small ? task.count : (task.count * task.bytes) / MIB;
  const speed = ({ outcomes }: Running) => amount / median(outcomes.map((one) => one.seconds));
  const [limit, , sdk] = all.map(speed);
  for (const running of all) {
    const cpuMs = median(running.outcomes.map((one) => one.cpuSeconds)) * 1000;
    const figures = [
      `${speed(running).toFixed(0).padStart(6)} ${small ? "/s" : "MiB/s"}`,
      `× ${(speed(running) / (limit ?? 1)).toFixed(2)} limit`,
      `× ${(speed(running) / (sdk ?? 1)).toFixed(2)} SDK`,
      `CPU ${(cpuMs / amount).toFixed(2)} ms/${small ? "request" : "MiB"}`,
      `RSS ${running.baseMib.toFixed(0)} → ${(await running.child.peakMib()).toFixed(0)} MiB`,
    ];
    print(`  ${running.name.padEnd(38)}${figures.join("   ")}`);
  }
}

/** An upload through the whole service into S3. */
async function service(place: Place): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "stowage-bench-"));
  const server = await Measured.start<Target>("./server.ts", [folder], {
    // As npm start and the bin have it.
    execArgv: ["--max-semi-space-size=4"],
    env: {
      AWS_ENDPOINT_URL_S3: place.endpoint,
      AWS_REGION: place.region,
      AWS_S3_BUCKET: place.bucket,
      AWS_ACCESS_KEY_ID: place.accessKeyId,
      AWS_SECRET_ACCESS_KEY: place.secretAccessKey,
    },
  });
  const client = new BenchClient(server.ready);
  try {
    const send = (bytes: number): Promise<string> =>
      client.send({ method: "PUT", path: "/api/v1/upload/bench.bin", bytes });
    await send(1024);
    const baseMib = await server.peakMib();
    const took: number[] = [];
    for (let round = 0; round < Math.min(ROUNDS, 3); round += 1) {
      took.push(await seconds(() => send(STREAM_MIB * MIB)));
    }
    const peakMib = await server.peakMib();
    print(`\nservice: PUT ${STREAM_MIB} MiB over HTTP into S3 (median of ${took.length})`);
    print(
      `  ${(STREAM_MIB / median(took)).toFixed(0)} MiB/s   ` +
        `RSS ${baseMib.toFixed(0)} → ${peakMib.toFixed(0)} MiB`,
    );
  } finally {
    client.close();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

if (flags.help) {
  process.stdout.write(HELP);
} else {
  const place = await visit(flags.endpoint);
  try {
    print(`Node ${process.version}, ${ROUNDS} rounds after a warm-up, ${place.endpoint}`);
    for (const scenario of SCENARIOS) {
      if (scenario.title.includes(flags.only)) await compete(place, scenario);
    }
    if ("service".includes(flags.only)) await service(place);
  } finally {
    await place.leave();
  }
}
