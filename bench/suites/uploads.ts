import { BenchClient, type Sending } from "../client.ts";
import { type Contender, compete, LIMIT, STOWAGE } from "../compete.ts";
import type { Outcome } from "../load.ts";
import type { Report } from "../report.ts";
import { inLanes, median } from "../s3/measure.ts";
import { startServer } from "../server-process.ts";
import { type Options, Scene, STOWAGE_FLAGS, type Suite } from "../suite.ts";

const SMALL_BYTES = 10 * 1024;
const CONNECTIONS = 32;

type Method = "PUT" | "POST";

interface Party {
  readonly name: string;
  readonly module: string;
  readonly flags?: readonly string[];
  /** Where it takes an upload; without an entry it does not take that method. */
  readonly upload: Partial<Record<Method, string>>;
  download(id: string): string;
}

const PARTIES: readonly Party[] = [
  {
    name: LIMIT,
    module: "limit.ts",
    upload: { PUT: "/" },
    download: (id) => `/${id}`,
  },
  {
    name: STOWAGE,
    module: "stowage.ts",
    flags: STOWAGE_FLAGS,
    upload: { PUT: "/api/v1/upload/bench.bin", POST: "/api/v1/upload" },
    download: (id) => `/api/v1/upload/${id}/file`,
  },
  {
    name: "express + multer",
    module: "express.js",
    upload: { POST: "/" },
    download: (id) => `/${id}`,
  },
  {
    name: "fastify + multipart",
    module: "fastify.js",
    upload: { POST: "/" },
    download: (id) => `/${id}`,
  },
];

/** A party's server in its own process and folder. */
interface Running {
  readonly party: Party;
  readonly server: Contender["server"];
  readonly client: BenchClient;
  /** @returns The id of what was sent. */
  send(method: Method, bytes: number): Promise<string>;
}

interface Scenario {
  readonly name: string;
  readonly unit: "MiB/s" | "req/s";
  readonly method: Method;
  turn(running: Running, method: Method, options: Options): Promise<() => Promise<Outcome>>;
}

const sendLarge: Scenario["turn"] = async (running, method, { largeMib }) => {
  const send = (): Promise<unknown> => running.send(method, largeMib * 2 ** 20);
  return () => timed(1, 1, largeMib, send);
};

const sendSmall: Scenario["turn"] = async (running, method, { small }) => {
  const send = (): Promise<unknown> => running.send(method, SMALL_BYTES);
  return () => timed(CONNECTIONS, small, SMALL_BYTES / 2 ** 20, send);
};

const readLarge: Scenario["turn"] = async (running, method, { largeMib }) => {
  const path = running.party.download(await running.send(method, largeMib * 2 ** 20));
  return () => timed(1, 1, largeMib, () => running.client.read(path));
};

const SCENARIOS: readonly Scenario[] = [
  { name: "PUT large", unit: "MiB/s", method: "PUT", turn: sendLarge },
  { name: "form large", unit: "MiB/s", method: "POST", turn: sendLarge },
  { name: "GET large", unit: "MiB/s", method: "POST", turn: readLarge },
  { name: `PUT 10 KiB × ${CONNECTIONS}`, unit: "req/s", method: "PUT", turn: sendSmall },
  { name: `form 10 KiB × ${CONNECTIONS}`, unit: "req/s", method: "POST", turn: sendSmall },
];

/** Files on their way in, and large ones on their way out. */
export const uploadsSuite: Suite = {
  name: "uploads",
  about: `limit: node:http → SHA-256 → file, with the fsyncs that Stowage does, and no form of its own
express + multer, fastify + multipart: no fsync, no digest, no records`,
  scenarios: SCENARIOS.map(({ name }) => name),

  async run(wanted, options, report) {
    for (const scenario of SCENARIOS) {
      if (wanted.has(scenario.name)) await run(scenario, options, report);
    }
  },
};

async function run(scenario: Scenario, options: Options, report: Report): Promise<void> {
  const scene = new Scene(options.folder);
  try {
    const contenders: Contender[] = [];
    for (const party of PARTIES) {
      // The limit has one way in; it stands beside forms too.
      const method = party.name === LIMIT ? "PUT" : scenario.method;
      if (party.upload[method] === undefined) continue;
      const running = await start(scene, party);
      await running.send(method, SMALL_BYTES);
      const turn = await scenario.turn(running, method, options);
      contenders.push({ name: party.name, server: running.server, turn });
    }
    const { name, unit } = scenario;
    report.add(await compete({ scenario: name, unit, rounds: options.rounds, contenders }));
  } finally {
    await scene.end();
  }
}

async function start(scene: Scene, party: Party): Promise<Running> {
  const server = await scene.add(startServer(party.module, await scene.folder(), party.flags));
  const { port, key } = server;
  const client = new BenchClient({ url: `http://127.0.0.1:${port}`, ...(key !== "" && { key }) });
  scene.afterwards(async () => client.close());
  return {
    party,
    server,
    client,
    async send(method, bytes) {
      const sending: Sending = { method, path: party.upload[method] ?? "", bytes };
      return await client.send(sending);
    },
  };
}

/** Do `work` so many times, each of so many MiB. */
async function timed(
  lanes: number,
  count: number,
  mib: number,
  work: () => Promise<unknown>,
): Promise<Outcome> {
  const latencies: number[] = [];
  const startedAt = performance.now();
  await inLanes(lanes, count, async () => {
    const before = performance.now();
    await work();
    latencies.push(performance.now() - before);
  });
  const seconds = (performance.now() - startedAt) / 1000;
  const sorted = latencies.toSorted((a, b) => a - b);
  return {
    requestsPerSecond: count / seconds,
    mibPerSecond: (count * mib) / seconds,
    p50Ms: median(sorted),
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
  };
}
