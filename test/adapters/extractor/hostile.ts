import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync, writeSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { defineProcessor, type ProcessorContext, StowageError } from "../../../src/processor.ts";

const hoard: unknown[] = [];

/** What a document can make this processor do, by its text. */
const DEEDS: Record<string, (context: ProcessorContext, argument: string) => unknown> = {
  pid: () => process.pid,
  environment: () => Object.keys(process.env).toSorted(),
  loop: (context) => {
    context.logger.info("hostile.looping");
    for (;;);
  },
  wear: (_, what) => {
    if (what === "cpu") process.cpuUsage = () => ({ user: 1e12, system: 0 });
    else Object.assign(process.memoryUsage, { rss: () => 1e12 });
  },
  sleep: () => new Promise((resolve) => setTimeout(resolve, 3_600_000)),
  buffers: () => {
    for (;;) hoard.push(new Uint8Array(4 << 20).fill(1));
  },
  strings: () => {
    for (;;) hoard.push({ number: Math.random() });
  },
  nest: function nest(context, argument): unknown {
    return [nest(context, argument)];
  },
  signal: (_, name) => process.kill(process.pid, name as NodeJS.Signals),
  exit: () => process.exit(3),
  garbage: () => writeSync(1, "%PDF this is not a frame"),
  print: () => {
    console.log("printed by a library");
    process.stdout.write("written by a library\n");
    return "printed";
  },
  log: (context) => {
    context.logger.info("hostile.heard", { lengthBytes: 3 });
    return "logged";
  },
  fail: () => {
    throw new TypeError("a bug");
  },
  invent: () => {
    throw new StowageError("internal", "a code that a processor has no right to");
  },
  refuse: () => {
    throw new StowageError("document_unreadable", "Cannot read document: it says so itself");
  },
  read: (_, path) => attempt(() => readFileSync(path, "utf8")),
  write: (_, path) => attempt(() => writeFileSync(path, "written")),
  spawn: () => attempt(() => spawnSync("true").error?.message),
  thread: () => attempt(() => new Worker("1", { eval: true }).threadId),
  evaluate: () => attempt(() => new Function("return 1")()),
};

/** What `act` gives, or the code or name of what it throws. */
function attempt(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? (error as Error).name;
  }
}

/** Does what the document says; answers what came of it. Its text is as long as the document asks. */
export default defineProcessor({
  name: "hostile",
  version: "1",
  accepts: ["text/x-hostile"],
  async process(input, context) {
    if (input.extension === ".asleep") {
      for await (const _ of input.stream()) await DEEDS["sleep"]?.(context, "");
    }
    if (input.extension === ".unread") {
      for await (const _ of input.stream()) break;
      return { output: { read: "only the beginning" } };
    }
    const [name = "", argument = ""] = new TextDecoder().decode(await input.bytes()).split(" ");
    if (name === "text") return { output: {}, text: "x".repeat(Number(argument)) };
    return { output: { answer: await DEEDS[name]?.(context, argument) } };
  },
});
