import { spawn, spawnSync } from "node:child_process";
import { closeSync, writeSync } from "node:fs";

import { defineProcessor, type ProcessorContext } from "../../src/processor.ts";

const hoard: unknown[] = [];

/** What a library that was taken over by a document could do. */
const DEEDS: Readonly<Record<string, (context: ProcessorContext) => unknown>> = {
  good: () => "done",
  loop: () => {
    for (;;);
  },
  "loop of promises": async () => {
    for (;;) await null;
  },
  objects: () => {
    for (;;) hoard.push({ number: Math.random() });
  },
  buffers: () => {
    for (;;) hoard.push(new Uint8Array(1 << 20).fill(1));
  },
  "one huge buffer": () => hoard.push(new Uint8Array(2 ** 31).fill(1)),
  strings: () => {
    for (let text = "boom"; ; text += text) hoard.push([...text]);
  },
  forks: () => {
    const outcomes = Array.from({ length: 1000 }, () =>
      attempt(() => spawn("sleep", ["1000"]).pid),
    );
    return [...new Set([...outcomes, attempt(() => spawnSync("true").status)])];
  },
  exit: () => process.exit(0),
  "exit for certain": () => process.kill(process.pid, "SIGKILL"),
  fault: () => process.kill(process.pid, "SIGSEGV"),
  abort: () => process.abort(),
  stop: () => process.kill(process.pid, "SIGSTOP"),
  "close output": () => {
    closeSync(1);
    return "closed";
  },
  "close input": () => process.stdin.destroy(),
  "close everything": () => {
    for (let fd = 0; fd < 128; fd += 1) {
      try {
        closeSync(fd);
      } catch {
        // It is closed.
      }
    }
  },
  garbage: () => {
    for (const junk = Buffer.alloc(1 << 20, "boom"); ; ) writeAll(1, junk);
  },
  "a gigabyte of frames": () => {
    const frame = Buffer.alloc(5 + 262_144, " ");
    frame[0] = 0xf6;
    frame.writeUInt32BE(262_144, 1);
    for (let i = 0; i < 4096; i += 1) writeAll(1, frame);
  },
  "log without end": (context) => {
    for (;;) context.logger.info("deeds.boom", { text: "boom".repeat(1000) });
  },
  "log, breathing, without end": async (context) => {
    for (;;) {
      context.logger.info("deeds.boom", { text: "boom".repeat(10) });
      await new Promise((resolve) => setImmediate(resolve));
    }
  },
  "print without end": () => {
    for (const junk = Buffer.alloc(1 << 20, "boom\n"); ; ) writeAll(2, junk);
  },
  "throw a string": () => {
    throw "boom";
  },
  "throw nothing": () => {
    throw undefined;
  },
  "throw a trap": () => {
    throw new Proxy(
      {},
      {
        get() {
          throw new Error("boom");
        },
      },
    );
  },
  "reject unheard": () => {
    void Promise.reject(new Error("boom"));
    return new Promise(() => {});
  },
  "never settle": () => new Promise(() => {}),
  "never settle and keep busy": () => new Promise(() => setInterval(() => {}, 1)),
  "huge facts": () => "x".repeat(100_000_000),
  "circular facts": () => {
    const facts: unknown[] = [];
    facts.push(facts);
    return facts;
  },
  "facts that loop": () => ({
    toJSON() {
      for (;;);
    },
  }),
  "break the language": () => {
    JSON.stringify = () => "boom";
    Object.defineProperty(Object.prototype, "type", { value: "boom" });
    return "broken";
  },
  "come later": () => {
    setTimeout(() => process.exit(5), 1);
    return "later";
  },
  "burn later": () => {
    setTimeout(() => {
      for (;;);
    }, 1);
    return "later";
  },
};

/** What `act` gives, or the code of what it throws. */
function attempt(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

/** A pipe takes what it has room for. */
function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.byteLength; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
  }
}

/** The names of all that it can do. */
export const DEED_NAMES = Object.keys(DEEDS);

/** Does what the document says, and answers what came of it. Deaf to its signal. */
export default defineProcessor({
  name: "deeds",
  version: "1",
  accepts: ["text/x-deed"],
  async process(input, context) {
    const name = new TextDecoder().decode(await input.bytes());
    return { output: { answer: await DEEDS[name]?.(context) } };
  },
});
