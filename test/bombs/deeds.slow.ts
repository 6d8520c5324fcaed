import { afterAll, describe, expect, test } from "vitest";
import text from "../../processors/text.ts";
import { SILENT } from "../../src/domain/ports/logger.ts";
import { nodeExtractCommand } from "../../src/runtime/extraction/extract-command.ts";
import { Bench } from "./bench.ts";
import deeds, { DEED_NAMES } from "./deeds.ts";

const MIB = 1024 * 1024;
const WALL_MS = 2000;

const CRASHED = ["extractor_crashed"];
const TOO_COMPLEX = ["document_too_complex"];
const FAILED = ["processor_failed"];

/** How each has to end. */
const ENDS: Readonly<Record<string, readonly string[]>> = {
  good: ["processed"],
  loop: TOO_COMPLEX,
  "loop of promises": TOO_COMPLEX,
  objects: TOO_COMPLEX,
  buffers: TOO_COMPLEX,
  "one huge buffer": TOO_COMPLEX,
  strings: TOO_COMPLEX,
  forks: ["processed"],
  exit: CRASHED,
  "exit for certain": CRASHED,
  fault: CRASHED,
  // Indistinguishable from how V8 aborts when memory runs out.
  abort: TOO_COMPLEX,
  stop: TOO_COMPLEX,
  "close output": CRASHED,
  "close input": ["processed", ...CRASHED],
  // A race: we see its output end, or its event loop finds its own descriptors gone and aborts first.
  "close everything": [...CRASHED, ...TOO_COMPLEX],
  garbage: CRASHED,
  "a gigabyte of frames": CRASHED,
  "log without end": [...CRASHED, ...TOO_COMPLEX],
  "log, breathing, without end": [...CRASHED, ...TOO_COMPLEX],
  "print without end": TOO_COMPLEX,
  "throw a string": FAILED,
  "throw nothing": FAILED,
  "throw a trap": [...FAILED, ...CRASHED],
  "reject unheard": CRASHED,
  "never settle": TOO_COMPLEX,
  "never settle and keep busy": TOO_COMPLEX,
  "huge facts": FAILED,
  "circular facts": FAILED,
  "facts that loop": TOO_COMPLEX,
  "break the language": CRASHED,
  "come later": ["processed"],
  "burn later": ["processed"],
};

const AFTERWARDS = ["close input", "come later", "burn later"];

describe("a processor that was taken over", () => {
  const lines: string[] = [];
  const bench = new Bench({
    command: nodeExtractCommand({ modules: [new URL("./deeds.ts", import.meta.url).href] }),
    processors: [text, deeds],
    limits: { wallMs: WALL_MS },
    logger: { ...SILENT, info: (event) => void lines.push(event) },
  });
  afterAll(() => bench.close());

  test.each(
    DEED_NAMES,
  )("(%s) is ended for a reason, and the next document is read", async (deed) => {
    lines.length = 0;
    const before = process.memoryUsage.rss();
    const ending = await bench.run(Buffer.from(deed), {
      processor: "deeds",
      contentType: "text/x-deed",
    });
    const worker = bench.started.at(-1);
    expect(ENDS[deed], `${ending.end}: ${ending.says.slice(0, 300)}`).toContain(ending.end);
    expect(ending.peakBytes).toBeLessThanOrEqual(512 * MIB);
    expect(process.memoryUsage.rss() - before).toBeLessThan(128 * MIB);
    expect(lines.length).toBeLessThanOrEqual(1000);
    if (deed === "forks") expect(ending.says).toBe('{"answer":["ERR_ACCESS_DENIED"]}');
    let next = await bench.run(Buffer.from("good"), {});
    // A process that goes wrong after its answer costs the next document one of its tries.
    if (AFTERWARDS.includes(deed) && next.text === "")
      next = await bench.run(Buffer.from("good"), {});
    expect(next).toMatchObject({ end: "processed", text: "good" });
    // The next document may be read before the process exits, which then costs the next deed its process.
    if (deed === "come later") await worker?.ended;
  });

  test("leaves no process behind", async () => {
    await bench.close();
    const ends = await Promise.all(bench.started.map(({ ended }) => ended));
    expect(ends.length).toBeGreaterThan(10);
  });
});
