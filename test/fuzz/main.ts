import { writeFileSync } from "node:fs";
import process from "node:process";
import { inspect, parseArgs } from "node:util";
import { fuzz } from "./fuzz.ts";

const HELP = `Send spoilt requests to a server of its own, and see whether it minds.

Usage: npm run fuzz -- [options]

Options:
  --seed S          The same seed sends the same requests (default: by chance)
  --requests N      How many (default: 2000)
  --connections N   How many at once (default: 16)
  --only N          Send only the request of this number
  --help            Show this

Exit code 1 if something was found: the smallest request that does it is written to a file, for nc.
`;

function whole(text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  if (!/^\d{1,9}$/.test(text)) throw new Error(`Cannot read ${text}: expected a whole number`);
  return Number(text);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: "string" },
      requests: { type: "string" },
      connections: { type: "string" },
      only: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) {
    process.stdout.write(HELP);
    return 0;
  }
  const seed = whole(values.seed, Math.floor(Math.random() * 1e9));
  const requests = whole(values.requests, 2000);
  process.stdout.write(`Seed ${seed}, ${requests} requests\n`);
  const started = performance.now();
  const report = await fuzz({
    seed,
    requests,
    connections: whole(values.connections, 16),
    ...(values.only === undefined ? {} : { only: whole(values.only, 0) }),
    progress: (done) => {
      if (done % 1000 === 0) process.stdout.write(`${done} sent\n`);
    },
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const statuses = [...report.statuses].sort(([a], [b]) => a - b);
  process.stdout.write(
    `${report.requests} requests of ${report.seeds} kinds in ${seconds} s; ${statuses.map(([status, count]) => `${status}: ${count}`).join(", ")}; ` +
      `${(report.grownBytes / 2 ** 20).toFixed(1)} MiB and ${report.grownDescriptors} descriptors more than before\n`,
  );
  for (const { kind, detail, number, request } of report.findings) {
    process.stdout.write(`\nFound ${kind}: ${detail}\n`);
    if (number === null || request === null) continue;
    const file = `fuzz-${seed}-${number}.http`;
    writeFileSync(file, request);
    process.stdout.write(
      `Again: npm run fuzz -- --seed ${seed} --only ${number}; by hand: nc 127.0.0.1 8000 < ${file}\n`,
    );
  }
  return report.findings.length === 0 ? 0 : 1;
}

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`${inspect(error)}\n`);
  return 2;
});
