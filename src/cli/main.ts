#!/usr/bin/env -S node --max-semi-space-size=4
// The flag: V8 lets its young generation grow to 16 MiB, within which every chunk of every body waits to be
// found dead, 64 KiB each outside the heap. At 4 MiB a large upload took 34 MiB of memory instead of 78 and
// a third less time, and small ones took no longer (npm run bench). npm start sets it too.
import type { Cli } from "./command.ts";

// Everything else is imported below, after this check: an older Node has no node:sqlite, and would say so
// in words that help nobody. The syntax of this file is one that Node 14 reads.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 16)) {
  process.stderr.write(
    `Stowage needs Node 22.16 or newer; this is Node ${process.versions.node}\n`,
  );
  process.exit(2);
}

const { run } = await import("./run.ts");

/** Long enough for the last lines to leave; whatever else still holds the process is not waited for. */
const LAST_WORDS_MS = 500;

let stop: AbortController | null = null;

function stopSignal(): AbortSignal {
  if (stop !== null) return stop.signal;
  const controller = new AbortController();
  stop = controller;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(1);
      controller.abort();
    });
  }
  return controller.signal;
}

// Whoever reads may stop reading (`stowage --help | head -1`): no reason to fail, or to stop serving.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

const cli: Cli = {
  argv: process.argv.slice(2),
  env: process.env,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  isTerminal: process.stderr.isTTY === true,
  columns: () => process.stderr.columns,
  stopSignal,
  runtime: () => import("../runtime/node.ts"),
};
process.exitCode = await run(cli);
setTimeout(() => process.exit(), LAST_WORDS_MS).unref();
