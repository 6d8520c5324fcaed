/** `npm run bench`: Stowage beside the physical limit and its peers, in one run. */
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { Report } from "./report.ts";
import type { Options } from "./suite.ts";
import { requestsSuite } from "./suites/requests.ts";
import { restartSuite } from "./suites/restart.ts";
import { uploadsSuite } from "./suites/uploads.ts";

const HELP = `Usage: npm run bench -- [options]

Every figure is the median of rounds in which all servers take turns, each in a process of its own, after a turn
to warm up. The client shares the machine: trust the ratios, not the values. CPU is the server's for one request,
lag the 99th percentile of its event loop's, RSS its peak (VmHWM) before the rounds and after them.

  --rounds N       rounds (5)
  --mib N          size of a large file (256)
  --small N        small uploads in one turn (1000)
  --seconds N      one turn of small requests (1)
  --records N      uploads that the records hold meanwhile (100000)
  --folder PATH    where files are kept meanwhile (the system's temporary folder)
  --only WORD      only suites and scenarios whose name contains WORD
  --json           rows as JSON on standard output, everything else on standard error
  --help           this text
`;

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    mib: { type: "string", default: "256" },
    small: { type: "string", default: "1000" },
    seconds: { type: "string", default: "1" },
    records: { type: "string", default: "100000" },
    folder: { type: "string", default: tmpdir() },
    only: { type: "string", default: "" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (flags.help) process.stdout.write(HELP);
else await run();

async function run(): Promise<void> {
  const options: Options = {
    rounds: Number(flags.rounds),
    seconds: Number(flags.seconds),
    folder: flags.folder,
    largeMib: Number(flags.mib),
    small: Number(flags.small),
    records: Number(flags.records),
  };
  const report = new Report(flags.json);
  report.note(`Node ${process.version}, ${options.rounds} rounds, files in ${options.folder}`);
  for (const suite of [uploadsSuite, requestsSuite, restartSuite]) {
    const isWanted = (scenario: string): boolean =>
      `${suite.name}: ${scenario}`.includes(flags.only);
    const wanted = new Set(suite.scenarios.filter(isWanted));
    if (wanted.size === 0) continue;
    report.note(`\n== ${suite.name} ==\n${suite.about}`);
    await suite.run(wanted, options, report);
  }
  report.end({ node: process.version, ...options });
}
