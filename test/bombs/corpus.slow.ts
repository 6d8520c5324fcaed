import { readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ErrorCode } from "../../src/domain/errors.ts";
import { matchesMediaType } from "../../src/domain/media-type.ts";
import { BUILT_IN_PROCESSORS } from "../../src/runtime/modules/built-in-processors.ts";
import { Bench, type Ending } from "./bench.ts";
import { openCanary, type WatchedCanary } from "./canary.ts";
import { BOMBS } from "./corpus.ts";

const MIB = 1024 * 1024;
/** What the issue allows an extraction process. */
const MEMORY_BYTES = 512 * MIB;

/**
 * With the default limits: five seconds of the processor at most. A clock that others have their share of needs
 * twice that, and a process may have to be started first.
 */
const DURATION_MS = 12_000;

/** Each document with each processor that reads its type today. */
const CASES = BOMBS.flatMap((bomb) =>
  BUILT_IN_PROCESSORS.filter(({ accepts }) => matchesMediaType(bomb.contentType, accepts)).map(
    ({ name }) => ({ ...bomb, processor: name }),
  ),
);
const UNREAD = BOMBS.filter(({ name }) => !CASES.some((tried) => tried.name === name));
/** A document may have facts but no text, or text but no facts. */
const OTHER_ENDS: readonly string[] = [
  "processed",
  "document_empty",
  "document_encrypted",
  "document_has_no_pages",
  "document_has_no_text",
  "document_too_complex",
  "document_unreadable",
  "document_truncated",
  "document_wrong_type",
];

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

  test.each(CASES)("$name ends for a reason, within its means: $attacks ($processor)", async ({
    name,
    contentType,
    ends,
    make,
    processor,
  }) => {
    const extension = /\.\w+$/.exec(name)?.[0] ?? "";
    const bytes = make(canary);
    // As in a run of the service, which goes on to the next processor after `text`.
    const failed = endings.get(`${name} (text)`);
    const textFailure =
      failed === undefined || failed.end === "processed"
        ? undefined
        : { code: failed.end as ErrorCode, detail: failed.says };
    const ending = await bench.run(bytes, { processor, contentType, extension, textFailure });
    endings.set(`${name} (${processor})`, ending);
    expect(ending.durationMs).toBeLessThan(DURATION_MS);
    const right = processor === "text" ? ends : OTHER_ENDS;
    expect(right, ending.says.slice(0, 500)).toContain(ending.end);
    expect(Buffer.byteLength(ending.text)).toBeLessThanOrEqual(8 * MIB);
    expect(ending.peakBytes).toBeLessThanOrEqual(MEMORY_BYTES);
    expect(ending.says).not.toContain(canary.secret);
  });

  test("that is read leaves the next one to be read", async () => {
    expect(await bench.run(Buffer.from("good"), {})).toMatchObject({ text: "good" });
  });

  test("has left nothing behind, and reached no canary", async () => {
    expect(endings.size).toBe(CASES.length);
    await bench.close();
    const ends = await Promise.all(bench.started.map(({ ended }) => ended));
    expect(ends.length).toBeGreaterThan(0);
    // One more: the pipe to the guard of all processes, which stays.
    await expect.poll(openDescriptors).toBeLessThanOrEqual(descriptors + 1);
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
  const lines = [...endings].map(([name, { end, durationMs, peakBytes, text }]) =>
    [
      name.padEnd(40),
      end.padEnd(22),
      `${Math.round(durationMs)} ms`.padStart(9),
      `${Math.round(peakBytes / MIB)} MiB`.padStart(8),
      `${text.length} characters`.padStart(20),
    ].join(" "),
  );
  const skipped = UNREAD.map(({ name, contentType }) => `${name}: nothing reads ${contentType}`);
  console.info([...lines, ...skipped].join("\n"));
}
