import fc from "fast-check";
import { expect, test } from "vitest";
import { MultipartReader } from "../../../../src/http/body/multipart/multipart-reader.ts";

const LIMITS = { headerBytes: 1000, onChunk: () => {} };

async function* chunksOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

interface SentPart {
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly content: string;
}

/** Every part with its content, and every piece of it as it came. */
async function readParts(chunks: readonly Uint8Array[], boundary: string) {
  const reader = new MultipartReader(chunksOf(chunks), boundary, LIMITS);
  const parts: SentPart[] = [];
  const pieces: Uint8Array[] = [];
  for (let part = await reader.nextPart(); part !== null; part = await reader.nextPart()) {
    let content = "";
    for (let piece = await reader.read(); piece !== null; piece = await reader.read()) {
      pieces.push(piece);
      content += Buffer.from(piece).toString("latin1");
    }
    const headers = [...part].flatMap(([name, values]) =>
      values.map((value) => [name, value] as const),
    );
    parts.push({ headers, content });
  }
  return { parts, pieces };
}

const BOUNDARIES = ["b", "--", "\xe9\xe9", "----boundary", "x".repeat(70)];

/** Content that nearly has a boundary in it. */
const contentOf = (boundary: string) =>
  fc
    .array(
      fc.oneof(
        fc.constantFrom("\r", "\n", "\r\n", "-", "--", `--${boundary}`, "\0", "\xff"),
        fc.nat(boundary.length + 3).map((length) => `\r\n--${boundary}`.slice(0, length)),
        fc.string(),
      ),
      { maxLength: 12 },
    )
    .map((words) => Buffer.from(words.join("")).toString("latin1"))
    .filter((content) => !`\r\n${content}\r\n--`.slice(0, -2).includes(`\r\n--${boundary}`));

const form = fc.constantFrom(...BOUNDARIES).chain((boundary) =>
  fc.record({
    boundary: fc.constant(boundary),
    preamble: fc.option(contentOf(boundary)),
    epilogue: fc.constantFrom("", "\r\n", "\r\nx", `\r\n--${boundary}\r\nx`, " \t"),
    parts: fc.array(
      fc.record({
        padding: fc.constantFrom("", " ", "\t \t"),
        headers: fc.array(
          fc.tuple(
            fc.constantFrom("a", "b", "x-long"),
            fc.constantFrom("", "c", 'd; e="f"', "\xe9"),
          ),
          { maxLength: 4 },
        ),
        content: contentOf(boundary),
        /** Whether an empty part shares the line break of its headers with its boundary. */
        isTight: fc.boolean(),
      }),
      { minLength: 1, maxLength: 4 },
    ),
    cuts: fc.oneof(fc.constant("every byte" as const), fc.array(fc.nat(400), { maxLength: 12 })),
  }),
);

test("MultipartReader reads any parts in any pieces", async () => {
  await fc.assert(
    fc.asyncProperty(form, async ({ boundary, preamble, epilogue, parts, cuts }) => {
      let body = preamble === null ? "" : `${preamble}\r\n`;
      for (const { padding, headers, content, isTight } of parts) {
        const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
        const end = content === "" && isTight ? "" : `${content}\r\n`;
        body += `--${boundary}${padding}\r\n${lines}\r\n${end}`;
      }
      const bytes = Buffer.from(`${body}--${boundary}--${epilogue}`, "latin1");
      const ends =
        cuts === "every byte"
          ? Array.from(bytes, (_, index) => index + 1)
          : [...cuts.filter((cut) => cut < bytes.byteLength), bytes.byteLength].sort(
              (a, b) => a - b,
            );
      const chunks = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
      const read = await readParts(chunks, boundary);
      const sent = parts.map(({ headers, content }) => ({
        headers: ["a", "b", "x-long"].flatMap((name) => headers.filter(([one]) => one === name)),
        content,
      }));
      const sorted = read.parts.map(({ headers, content }) => ({
        headers: ["a", "b", "x-long"].flatMap((name) => headers.filter(([one]) => one === name)),
        content,
      }));
      expect(sorted).toEqual(sent);
    }),
    { numRuns: 1000 },
  );
});

const HEAD = Buffer.from("--b\r\nA: b\r\n\r\n");

test("MultipartReader hands chunks on as they came, without a copy", async () => {
  const chunks = [HEAD, new Uint8Array(65_536).fill(1), new Uint8Array(65_536).fill(13)];
  const { pieces } = await readParts([...chunks, Buffer.from("\r\n--b--")], "b");
  const copied = pieces.filter(({ buffer }) => chunks.every((chunk) => chunk.buffer !== buffer));
  expect(pieces.length).toBeGreaterThanOrEqual(2);
  for (const { byteLength } of copied) expect(byteLength).toBeLessThan(10);
});

test("MultipartReader takes no chunk before it is asked for what is in it", async () => {
  let taken = 0;
  async function* source(): AsyncGenerator<Uint8Array> {
    for (const chunk of [HEAD, ...Array(10).fill(new Uint8Array(1000)), "\r\n--b--", "\r\nend"]) {
      taken += 1;
      yield Buffer.from(chunk);
    }
  }
  const reader = new MultipartReader(source(), "b", LIMITS);
  expect(taken).toBe(0);
  await reader.nextPart();
  // Let everything that can move by itself do so.
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  for (let read = 1; read <= 10; read += 1) {
    await settle();
    expect(taken).toBe(read);
    expect((await reader.read())?.byteLength).toBe(1000);
  }
  expect(await reader.read()).toBeNull();
  expect(taken).toBe(12);
  expect(await reader.nextPart()).toBeNull();
  expect(taken).toBe(13);
});

test("MultipartReader fails the pending and every later call once it was cancelled", async () => {
  const gone = new Error("gone");
  async function* silent(): AsyncGenerator<Uint8Array> {
    yield HEAD;
    await new Promise(() => {});
  }
  const reader = new MultipartReader(silent(), "b", LIMITS);
  await reader.nextPart();
  const waiting = expect(reader.read()).rejects.toBe(gone);
  reader.cancel(gone);
  await waiting;
  await expect(reader.read()).rejects.toBe(gone);
  await expect(reader.nextPart()).rejects.toBe(gone);
});
