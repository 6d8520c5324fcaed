import { readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import text from "../../processors/text.ts";
import { matchesMediaType } from "../../src/domain/media-type.ts";
import { Bench, type Ending } from "./bench.ts";
import { openCanary, type WatchedCanary } from "./canary.ts";
import { BOMBS } from "./corpus.ts";

const MIB = 1024 * 1024;
/** What the issue allows an extraction process. */
const MEMORY_BYTES = 512 * MIB;

const read = BOMBS.filter(({ contentType }) => matchesMediaType(contentType, text.accepts));
const unread = BOMBS.filter((bomb) => !read.includes(bomb));

describe("a document that means harm", () => {
  let bench: Bench;
  let canary: WatchedCanary;
  let descriptors: number;
  const endings = new Map<string, Ending>();

  beforeAll(async () => {
    canary = await openCanary();
    descriptors = openDescriptors();
    bench = new Bench();
    await bench.extractor.check();
  });
  afterAll(async () => {
    await bench.close();
    canary.close();
    report(endings);
  });

  test.each(read)("$name ends for a reason, within its means: $attacks", async (bomb) => {
    const bytes = bomb.make(canary);
    const { name, contentType, ends } = bomb;
    const ending = await bench.run(bytes, {
      contentType,
      extension: /\.\w+$/.exec(name)?.[0] ?? "",
    });
    endings.set(name, ending);
    expect(ends, ending.says.slice(0, 500)).toContain(ending.end);
    expect(Buffer.byteLength(ending.text)).toBeLessThanOrEqual(16 * MIB);
    expect(ending.peakBytes).toBeLessThanOrEqual(MEMORY_BYTES);
    expect(ending.says).not.toContain(canary.secret);
  });

  test("that is read leaves the next one to be read", async () => {
    expect(await bench.run(Buffer.from("good"), {})).toMatchObject({ text: "good" });
  });

  test("has left nothing behind, and reached no canary", async () => {
    expect([...endings.keys()]).toEqual(read.map(({ name }) => name));
    await bench.close();
    const ends = await Promise.all(bench.started.map(({ ended }) => ended));
    expect(ends.length).toBeGreaterThan(0);
    await expect.poll(openDescriptors).toBeLessThanOrEqual(descriptors);
    expect(canary.visits()).toBe(0);
    expect(canary.wasRead()).toBe(false);
    await canary.kill();
    expect(canary.visits()).toBe(1);
    expect(canary.wasRead()).toBe(true);
  });
});

function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

/** What became of each, and who could not be asked. */
function report(endings: ReadonlyMap<string, Ending>): void {
  const lines = [...endings].map(
    ([
      name,
      {
        end,
        durationMs,
        peakBytes,
        text: { length },
      },
    ]) =>
      [
        name.padEnd(32),
        end.padEnd(22),
        `${Math.round(durationMs)} ms`.padStart(9),
        `${Math.round(peakBytes / MIB)} MiB`.padStart(8),
        `${length} characters`.padStart(20),
      ].join(" "),
  );
  const skipped = unread.map(({ name, contentType }) => `${name}: no reader of ${contentType} yet`);
  console.info([...lines, ...skipped].join("\n"));
}
