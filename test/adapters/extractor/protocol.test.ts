import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Frame,
  type FrameKind,
  frameBytes,
  MAX_PAYLOAD_BYTES,
  ProtocolError,
  parseChildMessage,
  payloadsOf,
  readFrames,
} from "../../../src/adapters/extractor/protocol.ts";
import { concatBytes } from "../../../src/domain/bytes.ts";

const frame = fc.record({
  kind: fc.constantFrom<FrameKind>("message", "data", "end"),
  payload: fc.uint8Array({ maxLength: 40 }),
});

const sent = (frames: readonly Frame[]) =>
  concatBytes(frames.flatMap(({ kind, payload }) => frameBytes(kind, payload)));

async function* split(bytes: Uint8Array, ...at: number[]): AsyncGenerator<Uint8Array> {
  let from = 0;
  for (const to of [...at, bytes.byteLength]) {
    yield bytes.subarray(from, to);
    from = to;
  }
}

async function framesOf(stream: AsyncIterable<Uint8Array>): Promise<Frame[]> {
  const frames: Frame[] = [];
  for await (const next of readFrames(stream)) frames.push(next);
  return frames;
}

const plain = (frames: readonly Frame[]) =>
  frames.map(({ kind, payload }) => ({ kind, payload: [...payload] }));

describe("readFrames()", () => {
  it("gives back every frame, wherever two cuts are made", async () => {
    const frames = fc.array(frame, { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(frames, fc.nat(), async (frames, seed) => {
        const bytes = sent(frames);
        const second = seed % (bytes.byteLength + 1);
        for (let first = 0; first <= second; first += 1) {
          const read = await framesOf(split(bytes, first, second));
          expect(plain(read)).toEqual(plain(frames));
        }
      }),
    );
  });

  it("says that the stream ended, wherever in a frame it is cut off", async () => {
    const bytes = sent([{ kind: "data", payload: Uint8Array.of(1, 2, 3) }]);
    for (let length = 1; length < bytes.byteLength; length += 1) {
      const reading = framesOf(split(bytes.subarray(0, length)));
      await expect(reading).rejects.toMatchObject({ name: "ProtocolError", streamEnded: true });
    }
  });

  it("gives up at the first byte that is not part of a frame, whatever follows", async () => {
    const others = fc.uint8Array({ minLength: 1 }).filter(([first = 0]) => first < 0xf5);
    await fc.assert(
      fc.asyncProperty(others, async (garbage) => {
        async function* endless() {
          yield garbage;
          await new Promise(() => {});
        }
        await expect(readFrames(endless()).next()).rejects.toBeInstanceOf(ProtocolError);
      }),
    );
  });

  it("refuses a frame that claims more than the limit before it arrives", async () => {
    const [head = new Uint8Array(0)] = frameBytes("data", new Uint8Array(MAX_PAYLOAD_BYTES));
    await expect(readFrames(split(head)).next()).rejects.toMatchObject({ streamEnded: true });
    new DataView(head.buffer).setUint32(1, MAX_PAYLOAD_BYTES + 1);
    await expect(readFrames(split(head)).next()).rejects.toMatchObject({ streamEnded: false });
    expect(() => frameBytes("data", new Uint8Array(MAX_PAYLOAD_BYTES + 1))).toThrow(ProtocolError);
  });
});

describe("payloadsOf()", () => {
  it("cuts bytes into payloads that fit, and makes none of nothing", () => {
    expect([...payloadsOf(new Uint8Array(0))]).toEqual([]);
    const sizes = [...payloadsOf(new Uint8Array(MAX_PAYLOAD_BYTES + 1))].map((p) => p.byteLength);
    expect(sizes).toEqual([MAX_PAYLOAD_BYTES, 1]);
  });
});

const TEXT = { name: "text", version: "1", accepts: ["text/plain"] };

describe("parseChildMessage()", () => {
  const parse = (value: unknown) =>
    parseChildMessage(new TextEncoder().encode(JSON.stringify(value)));
  const usage = { cpuMs: 1, rssBytes: 2 };

  it("reads what an extraction process says", () => {
    for (const message of [
      {
        type: "ready",
        processors: [TEXT],
        modules: [{ processors: [TEXT] }, { expected: "b" }],
        usage,
      },
      { type: "log", level: "info", event: "a.b", fields: { n: 1 } },
      { type: "result", output: { pages: 1 }, hasText: true, usage },
      { type: "error", code: "document_encrypted", detail: "Cannot open it", causes: [], usage },
      {
        type: "error",
        code: "processor_failed",
        detail: "It failed",
        usage,
        causes: [
          { name: "TypeError", code: "ERR_A", stack: ["at read (file:///a.ts:1:2)"] },
          { name: "Error" },
        ],
      },
    ]) {
      expect(parse(message)).toEqual(message);
    }
  });

  it.each([
    [null],
    [[]],
    ["ready"],
    [{ type: "shutdown" }],
    [{ type: "ready", processors: [1], modules: [], usage }],
    [{ type: "ready", processors: [{ name: "text", version: "1" }], modules: [], usage }],
    [{ type: "ready", processors: [{ ...TEXT, accepts: [1] }], modules: [], usage }],
    [{ type: "ready", processors: [], usage }],
    [{ type: "ready", processors: [], modules: [{}], usage }],
    [{ type: "ready", processors: [], modules: [] }],
    [{ type: "log", level: "constructor", event: "a", fields: {} }],
    [{ type: "result", output: [], hasText: true, usage }],
    [{ type: "result", output: {}, hasText: true }],
    [{ type: "result", output: {}, hasText: true, usage: { cpuMs: "1", rssBytes: 2 } }],
    [{ type: "error", code: "unauthenticated", detail: "", causes: [], usage }],
    [{ type: "error", code: "document_empty", detail: {}, causes: [], usage }],
    [{ type: "error", code: "document_empty", detail: "", usage }],
    [{ type: "error", code: "document_empty", detail: "", causes: [{}], usage }],
    [{ type: "error", code: "document_empty", detail: "", causes: [{ name: "a b" }], usage }],
  ])("refuses %j", (value) => {
    expect(() => parse(value)).toThrow(ProtocolError);
  });

  it("reads or refuses any bytes, and never throws anything else", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((j) => new TextEncoder().encode(j)),
        ),
        (b) => {
          expect(() => parseChildMessage(b)).toThrow(ProtocolError);
        },
      ),
    );
  });
});
