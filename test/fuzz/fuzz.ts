import { AbusedServer } from "../support/abused-server.ts";
import type { FuzzCase } from "./fuzz-case.ts";
import {
  type Finding,
  Fuzzer,
  type FuzzOptions,
  type FuzzReport,
  latin1,
  type Sent,
  withKeys,
} from "./fuzzer.ts";
import { shrink } from "./shrink.ts";

/** Each takes a server of its own. */
const CRASH_TRIES = 24;

/** Send spoilt requests to a server of its own and judge what comes of it. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { report, suspects } = await withFuzzer(options, async (fuzzer) => ({
    report: await fuzzer.run(),
    suspects: fuzzer.recent,
  }));
  const findings: Finding[] = [];
  for (const finding of report.findings) {
    const blamed = finding.kind === "crash" ? await blame(options, suspects) : {};
    findings.push({ ...finding, ...blamed });
  }
  return { ...report, findings };
}

async function withFuzzer<Value>(
  options: FuzzOptions,
  use: (fuzzer: Fuzzer) => Promise<Value>,
): Promise<Value> {
  const ends: (() => Promise<void>)[] = [];
  try {
    const env = { MAX_UPLOAD_BYTES: "100000", RECONCILE_INTERVAL_SECONDS: "1", ...options.env };
    const abused = await AbusedServer.start((end) => ends.push(end), env);
    return await use(new Fuzzer(abused, options));
  } finally {
    for (const end of ends) await end();
  }
}

/** Of the last requests before a server ended, the one that ends another one as well, as small as may be. */
async function blame(
  options: FuzzOptions,
  suspects: readonly Sent[],
): Promise<Partial<Pick<Finding, "number" | "request">>> {
  const kill = (cases: readonly FuzzCase[]) =>
    withFuzzer(options, (fuzzer) => fuzzer.isKilledBy(cases));
  let rest = suspects;
  if (!(await kill(rest))) return {};
  while (rest.length > 1) {
    const half = rest.slice(0, rest.length / 2);
    rest = (await kill(half)) ? half : rest.slice(rest.length / 2);
  }
  const [culprit] = rest;
  if (culprit === undefined) return {};
  const kills = (text: string) => kill([{ ...culprit, text }]);
  return {
    number: culprit.number,
    request: latin1(withKeys(await shrink(culprit.text, kills, CRASH_TRIES))),
  };
}
