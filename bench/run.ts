/**
 * `npm run bench`: Stowage beside the physical limit and two peers, in one run.
 *
 * Every figure is the median of some rounds in which all servers take turns, each in a process of its own on
 * the same disk; the client shares the machine. Trust the ratios, not the values. RSS is the server's peak
 * (VmHWM) after the rounds, beside what it was after a first small upload.
 */
import { type ChildProcess, fork } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { BenchClient, type Sending, type Target } from "./client.ts";

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    mib: { type: "string", default: "256" },
    small: { type: "string", default: "1000" },
    folder: { type: "string", default: tmpdir() },
  },
});
const ROUNDS = Number(flags.rounds);
const LARGE_BYTES = Number(flags.mib) * 2 ** 20;
const SMALL_BYTES = 10 * 1024;
const SMALL_COUNT = Number(flags.small);
const CONCURRENCY = 32;

type Method = "PUT" | "POST";

interface Contender {
  readonly name: string;
  readonly module: string;
  /** Flags of its Node. */
  readonly flags?: readonly string[];
  /** Where it takes an upload; without an entry it does not take that method. */
  readonly upload: Partial<Record<Method, string>>;
  download(id: string): string;
}

const CONTENDERS: readonly Contender[] = [
  {
    name: "limit (node:http → SHA-256 → file, fsync)",
    module: "./servers/limit.ts",
    upload: { PUT: "/" },
    download: (id) => `/${id}`,
  },
  {
    name: "stowage",
    module: "./servers/stowage.ts",
    // As npm start and the bin have it.
    flags: ["--max-semi-space-size=4"],
    upload: { PUT: "/api/v1/upload/bench.bin", POST: "/api/v1/upload" },
    download: (id) => `/api/v1/upload/${id}/file`,
  },
  {
    name: "express + multer (no fsync, no digest)",
    module: "./servers/express.js",
    upload: { POST: "/" },
    download: (id) => `/${id}`,
  },
  {
    name: "fastify + @fastify/multipart (no fsync, no digest)",
    module: "./servers/fastify.js",
    upload: { POST: "/" },
    download: (id) => `/${id}`,
  },
];

/** A contender's server in its own process and folder. */
class Running {
  readonly contender: Contender;
  readonly client: BenchClient;
  readonly #child: ChildProcess;
  readonly #folder: string;
  baseMib = 0;
  lastId = "";

  private constructor(contender: Contender, child: ChildProcess, folder: string, target: Target) {
    this.contender = contender;
    this.#child = child;
    this.#folder = folder;
    this.client = new BenchClient(target);
  }

  static async start(contender: Contender): Promise<Running> {
    const folder = await mkdtemp(join(flags.folder, "stowage-bench-"));
    const child = fork(new URL(contender.module, import.meta.url), [folder], {
      execArgv: [...(contender.flags ?? [])],
      stdio: "inherit",
    });
    const target = await new Promise<Target>((resolve, reject) => {
      child.once("message", (message) => resolve(message as Target));
      child.once("exit", (code) => reject(new Error(`${contender.name} ended with ${code}`)));
    });
    const running = new Running(contender, child, folder, target);
    for (const method of Object.keys(contender.upload) as Method[]) {
      await running.send(method, SMALL_BYTES);
    }
    running.baseMib = await running.peakMib();
    return running;
  }

  async send(method: Method, bytes: number): Promise<void> {
    const path = this.contender.upload[method] ?? "";
    const sending: Sending = { method, path, bytes };
    this.lastId = await this.client.send(sending);
  }

  async peakMib(): Promise<number> {
    const status = await readFile(`/proc/${this.#child.pid}/status`, "utf8");
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  }

  async stop(): Promise<void> {
    this.client.close();
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await ended;
    await rm(this.#folder, { recursive: true, force: true });
  }
}

interface Scenario {
  readonly title: string;
  readonly unit: "MiB/s" | "req/s";
  /** How the limit does it, where it has no form of its own. */
  takes(contender: Contender): Method | null;
  run(running: Running, method: Method): Promise<number>;
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}

function uploads(method: Method): Scenario["takes"] {
  return ({ upload }) => {
    if (upload[method] !== undefined) return method;
    // The limit has one way in; it stands beside forms too.
    return upload.POST === undefined ? "PUT" : null;
  };
}

const sendLarge: Scenario["run"] = async (running, method) =>
  LARGE_BYTES / 2 ** 20 / (await seconds(() => running.send(method, LARGE_BYTES)));

const sendSmall: Scenario["run"] = async (running, method) => {
  let left = SMALL_COUNT;
  const lane = async (): Promise<void> => {
    while (left-- > 0) await running.send(method, SMALL_BYTES);
  };
  return (
    SMALL_COUNT / (await seconds(() => Promise.all(Array.from({ length: CONCURRENCY }, lane))))
  );
};

const readLarge: Scenario["run"] = async (running) => {
  const path = running.contender.download(running.lastId);
  return LARGE_BYTES / 2 ** 20 / (await seconds(() => running.client.read(path)));
};

const MIB = LARGE_BYTES / 2 ** 20;
const SCENARIOS: readonly Scenario[] = [
  { title: `PUT ${MIB} MiB`, unit: "MiB/s", takes: uploads("PUT"), run: sendLarge },
  { title: `form ${MIB} MiB`, unit: "MiB/s", takes: uploads("POST"), run: sendLarge },
  { title: `GET ${MIB} MiB`, unit: "MiB/s", takes: uploads("POST"), run: readLarge },
  { title: `PUT 10 KiB × ${CONCURRENCY}`, unit: "req/s", takes: uploads("PUT"), run: sendSmall },
  { title: `form 10 KiB × ${CONCURRENCY}`, unit: "req/s", takes: uploads("POST"), run: sendSmall },
];

function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

async function compete(scenario: Scenario): Promise<void> {
  const all: Running[] = [];
  const figures = new Map<Running, number[]>();
  try {
    for (const contender of CONTENDERS) {
      if (scenario.takes(contender) !== null) all.push(await Running.start(contender));
    }
    for (const running of all) {
      if (scenario.run === readLarge) {
        await running.send(scenario.takes(running.contender) ?? "PUT", LARGE_BYTES);
      }
      await scenario.run(running, scenario.takes(running.contender) ?? "PUT");
    }
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const running of all) {
        const figure = await scenario.run(running, scenario.takes(running.contender) ?? "PUT");
        figures.set(running, [...(figures.get(running) ?? []), figure]);
      }
    }
    print(`\n${scenario.title} (${scenario.unit}, median of ${ROUNDS})`);
    const [limit] = all;
    const limitFigure = limit === undefined ? 1 : median(figures.get(limit) ?? []);
    for (const running of all) {
      const figure = median(figures.get(running) ?? []);
      const peak = await running.peakMib();
      print(
        `  ${running.contender.name.padEnd(52)}${figure.toFixed(0).padStart(6)}` +
          `  × ${(figure / limitFigure).toFixed(2)} of the limit` +
          `   RSS ${running.baseMib.toFixed(0)} → ${peak.toFixed(0)} MiB`,
      );
    }
  } finally {
    for (const running of all) await running.stop();
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

print(`Node ${process.version}, ${ROUNDS} rounds after a warm-up, files in ${flags.folder}`);
for (const scenario of SCENARIOS) await compete(scenario);
