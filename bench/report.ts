/** One contender in one scenario. */
export interface Row {
  readonly scenario: string;
  readonly contender: string;
  readonly unit: Unit;
  /** The median of the rounds. */
  readonly figure: number;
  /** To the contender of that name: each round compared with itself, the median of that. */
  readonly ratios: Readonly<Record<string, number>>;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  /** Processor time of the server for one request, in microseconds. */
  readonly cpuUs?: number;
  /** 99th percentile of how long the server's event loop was held up; `null` where it has none. */
  readonly lagP99Ms?: number | null;
  /** The server's peak (VmHWM) before the rounds, and after. */
  readonly rssMib?: readonly [before: number, after: number];
}

export type Unit = "MiB/s" | "req/s" | "ms";

/** Prints rows as they arrive, and keeps them for JSON output. */
export class Report {
  readonly #rows: Row[] = [];
  readonly #json: boolean;

  constructor(json: boolean) {
    this.#json = json;
  }

  note(text: string): void {
    (this.#json ? process.stderr : process.stdout).write(`${text}\n`);
  }

  /** @param rows Of one scenario. */
  add(rows: readonly Row[]): void {
    this.#rows.push(...rows);
    const [first] = rows;
    if (first === undefined) return;
    this.note(`\n${first.scenario} (${first.unit})`);
    for (const row of rows) this.note(`  ${lineOf(row)}`);
  }

  end(facts: Readonly<Record<string, unknown>>): void {
    if (!this.#json) return;
    process.stdout.write(`${JSON.stringify({ ...facts, rows: this.#rows }, null, 2)}\n`);
  }
}

function lineOf({ contender, figure, ratios, ...row }: Row): string {
  const times = Object.entries(ratios).map(([to, ratio]) => `× ${ratio.toFixed(2)} of ${to}`);
  const columns = [
    `${contender.padEnd(22)}${figure.toFixed(0).padStart(7)}`,
    row.p50Ms === undefined ? "" : `p50 ${row.p50Ms.toFixed(2)} ms`.padEnd(14),
    row.p99Ms === undefined ? "" : `p99 ${row.p99Ms.toFixed(2)} ms`.padEnd(14),
    row.cpuUs === undefined ? "" : `CPU ${row.cpuUs.toFixed(0)} µs`.padEnd(13),
    typeof row.lagP99Ms === "number" ? `lag ${row.lagP99Ms.toFixed(0)} ms`.padEnd(9) : "",
    row.rssMib === undefined
      ? ""
      : `RSS ${row.rssMib.map((mib) => mib.toFixed(0)).join(" → ")} MiB`,
    times.join(", "),
  ];
  return columns.filter(Boolean).join("  ").trimEnd();
}
