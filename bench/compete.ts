import type { Outcome } from "./load.ts";
import { cpuSeconds, peakMib } from "./process/usage.ts";
import type { Row } from "./report.ts";
import { median } from "./s3/measure.ts";
import type { ServerProcess } from "./server-process.ts";

/** Whom the others are all compared with: what the machine could do if nothing else were to be done. */
export const LIMIT = "limit";
export const STOWAGE = "stowage";

/** What one contender does in its turn. */
export interface Contender {
  readonly name: string;
  readonly server: ServerProcess;
  turn(): Promise<Outcome>;
}

export interface Contest {
  readonly scenario: string;
  readonly unit: "MiB/s" | "req/s";
  readonly rounds: number;
  readonly contenders: readonly Contender[];
}

interface Turn extends Outcome {
  readonly cpuUs: number;
  readonly lagP99Ms: number | null;
}

/** Let all take turns, after one each to warm up: what disturbs the machine disturbs all alike. */
export async function compete({ contenders, ...contest }: Contest): Promise<readonly Row[]> {
  const turns = new Map<string, Turn[]>(contenders.map(({ name }) => [name, []]));
  for (const { turn } of contenders) await turn();
  const before = new Map<string, number>();
  for (const { name, server } of contenders) before.set(name, await peakMib(server.pid));
  for (let round = 0; round < contest.rounds; round += 1) {
    for (const contender of contenders) turns.get(contender.name)?.push(await measure(contender));
  }
  const figure = (turn: Turn): number =>
    contest.unit === "req/s" ? turn.requestsPerSecond : turn.mibPerSecond;
  const ratioTo = (own: readonly Turn[], other: string): number => {
    const theirs = turns.get(other) ?? [];
    return median(own.map((turn, round) => figure(turn) / figure(theirs[round] ?? turn)));
  };
  return await Promise.all(
    contenders.map(async ({ name, server }): Promise<Row> => {
      const own = turns.get(name) ?? [];
      const of = (pick: (turn: Turn) => number): number => median(own.map(pick));
      const others = [...turns.keys()].filter((other) => comparable(name, other));
      return {
        scenario: contest.scenario,
        contender: name,
        unit: contest.unit,
        figure: of(figure),
        ratios: Object.fromEntries(others.map((other) => [other, ratioTo(own, other)])),
        p50Ms: of((turn) => turn.p50Ms),
        p99Ms: of((turn) => turn.p99Ms),
        cpuUs: of((turn) => turn.cpuUs),
        lagP99Ms: own.some((turn) => turn.lagP99Ms === null)
          ? null
          : of((turn) => turn.lagP99Ms ?? 0),
        rssMib: [before.get(name) ?? 0, await peakMib(server.pid)],
      };
    }),
  );
}

/** Everybody stands beside the limit, Stowage beside everyone. */
function comparable(name: string, other: string): boolean {
  return name !== other && (other === LIMIT || name === STOWAGE);
}

async function measure({ server, turn }: Contender): Promise<Turn> {
  await server.lagP99Ms();
  const cpuBefore = await cpuSeconds(server.pid);
  const startedAt = performance.now();
  const outcome = await turn();
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = (await cpuSeconds(server.pid)) - cpuBefore;
  const lagP99Ms = await server.lagP99Ms();
  return { ...outcome, cpuUs: (cpu * 1e6) / (outcome.requestsPerSecond * seconds), lagP99Ms };
}
