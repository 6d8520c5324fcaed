#!/usr/bin/env -S node --max-semi-space-size=4
// The flag: by default V8's young generation grows to 16 MiB, and every chunk of every body (64 KiB outside the
// heap) waits there for garbage collection. At 4 MiB a large upload took 34 MiB of memory instead of 78 and
// a third less time, and small ones took no longer (npm run bench). npm start sets it too.
import type { Cli } from "./command.ts";

// Everything else is imported after this check: an older Node has no node:sqlite and would fail with an unhelpful
// message. Node 14 can parse this file.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 16)) {
  process.stderr.write(
    `Stowage needs Node 22.16 or newer; this is Node ${process.versions.node}\n`,
  );
  process.exit(2);
}

const { run } = await import("./run.ts");

/** Enough for the last lines of output. Nothing else that keeps the process alive is waited for. */
const FLUSH_MS = 500;

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

// A reader may close the pipe (`stowage --help | head -1`): do not fail, and do not stop serving.
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
setTimeout(() => process.exit(), FLUSH_MS).unref();
