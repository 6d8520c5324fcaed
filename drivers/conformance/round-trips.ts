import { everyKind, HeldSource, pattern } from "./sources.ts";
import { assert, assertBytes, assertEqual, type Trial, type TrialCase } from "./trial.ts";

/** Around the chunk and batch sizes that drivers and runtimes use. */
const SIZES = [0, 1, 65_535, 65_536, 65_537, 262_144, 524_288, 524_289, 1_048_577];
/** Parts larger than this are not tried at their borders: they would cost too much memory here. */
const LARGEST_PART_BYTES = 64 * 1024 * 1024;

const RING_CHUNK_BYTES = 256 * 1024;
/** How much of a body a driver may hold at once: four S3 parts of 8 MiB on their way. */
const HELD_CHUNKS = 128;
const STREAMED_CHUNKS = HELD_CHUNKS + 32;

export const ROUND_TRIP_CASES: readonly TrialCase[] = [
  {
    name: "put() and get() give back every byte, for every kind of body and size",
    async test(trial) {
      for (const size of sizesFor(trial)) {
        const bytes = pattern(size);
        for (const [kind, body] of everyKind(bytes, trial.driver.limits.needsKnownLength)) {
          const key = trial.key(`round-trip-${size}-${kind}`);
          const stored = await trial.driver.put(key, body);
          const what = `${size} bytes (${kind})`;
          assertEqual(stored.sizeBytes, size, `put() of ${what}: sizeBytes`);
          assertEqual(stored.key, key, `put() of ${what}: key`);
          assertBytes(await trial.read(key), bytes, `get() of ${what}`);
        }
      }
    },
  },
  {
    name: "put(), get(), head() and list() agree about an object",
    async test(trial) {
      const key = trial.key("facts");
      const startedAt = Date.now();
      const stored = await trial.put(key, "some text");
      const read = await trial.driver.get(key);
      await read.stream.cancel();
      const listed = (await trial.listAll(trial.prefix))[0];
      const headed = await trial.driver.head(key);
      for (const [verb, object] of Object.entries({
        get: read.object,
        head: headed,
        list: listed,
      })) {
        assertEqual(object?.key, key, `${verb}(): key`);
        assertEqual(object?.sizeBytes, 9, `${verb}(): sizeBytes`);
        assertEqual(object?.version, stored.version, `${verb}(): version, as put() returned it`);
        assert(Number.isFinite(object?.modifiedAt), `${verb}(): modifiedAt is no number`);
      }
      // A day of difference is a unit that was mistaken, not a clock that is wrong.
      const differenceMs = Math.abs(stored.modifiedAt - startedAt);
      assert(differenceMs < 86_400_000, "put(): modifiedAt is not in milliseconds since 1970");
    },
  },
  {
    name: "put() replaces an object and changes its version",
    async test(trial) {
      const key = trial.key("replaced");
      const versions = new Set<string>();
      for (const text of ["first", "other", "longer than before", "x"]) {
        versions.add((await trial.put(key, text)).version);
        assertEqual(await trial.readText(key), text, "get() after put()");
      }
      assertEqual(versions.size, 4, "different versions after four puts");
    },
  },
  {
    name: "put() keeps no hold on the caller's bytes",
    async test(trial) {
      const key = trial.key("own-copy");
      const bytes = pattern(1000);
      await trial.put(key, bytes);
      bytes.fill(0);
      const first = await trial.read(key);
      assertBytes(first, pattern(1000), "get() after the caller changed its array");
      for await (const chunk of (await trial.driver.get(key)).stream) chunk.fill(0);
      assertBytes(await trial.read(key), pattern(1000), "get() after a reader changed its chunks");
    },
  },
  {
    name: "get() gives its chunks away",
    async test(trial) {
      const key = trial.key("given-away");
      const bytes = pattern(600_000);
      await trial.put(key, bytes);
      let at = 0;
      for await (const chunk of (await trial.driver.get(key)).stream) {
        const { buffer, byteLength } = chunk;
        assertBytes(chunk, bytes.subarray(at, at + byteLength), "a chunk behind transferred ones");
        at += byteLength;
        if (byteLength === buffer.byteLength) (buffer as ArrayBuffer).transfer(0);
      }
      assertEqual(at, bytes.byteLength, "bytes of the stream");
      assertBytes(await trial.read(key), bytes, "get() after a reader transferred its chunks");
    },
  },
  {
    name: "put() shows nothing of an object before it is complete",
    async test(trial) {
      const [fresh, replaced] = [trial.key("fresh"), trial.key("replaced")];
      await trial.put(replaced, "old");
      for (const key of [fresh, replaced]) {
        const bytes = pattern(300_000);
        const source = new HeldSource(bytes);
        const body = { kind: "once", stream: source.stream, sizeBytes: bytes.byteLength } as const;
        const putting = trial.driver.put(key, body);
        try {
          await Promise.race([source.reached, putting]);
          const seen = await trial.driver.head(key);
          assertEqual(seen?.sizeBytes ?? null, key === fresh ? null : 3, "head() during a put");
          if (key === replaced) assertEqual(await trial.readText(key), "old", "get() during a put");
          const listed = (await trial.listAll(trial.prefix)).map((object) => object.key);
          assertEqual(
            listed.includes(key),
            key === replaced,
            "list() during a put returns the key",
          );
        } finally {
          source.finish();
          await putting.catch(() => {});
        }
        await putting;
        assertBytes(await trial.read(key), bytes, "get() after the put");
      }
    },
  },
  {
    name: "put() lets go of a body's chunks while it stores them",
    async test(trial) {
      if (trial.keepsObjectsInMemory) return;
      // The source writes over chunks that were taken long ago: who still holds them stores wrong bytes.
      const ring = Array.from({ length: HELD_CHUNKS }, () => new Uint8Array(RING_CHUNK_BYTES));
      async function* source(): AsyncGenerator<Uint8Array> {
        for (let index = 0; index < STREAMED_CHUNKS; index += 1) {
          yield (ring[index % HELD_CHUNKS] ?? new Uint8Array(0)).fill(index + 1);
        }
      }
      const key = trial.key("streamed");
      const sizeBytes = STREAMED_CHUNKS * RING_CHUNK_BYTES;
      await trial.driver.put(key, { kind: "once", stream: source(), sizeBytes });
      let position = 0;
      for await (const chunk of (await trial.driver.get(key)).stream) {
        const from = position;
        const wrong = chunk.findIndex(
          (byte, index) => byte !== ((((from + index) / RING_CHUNK_BYTES) | 0) + 1) % 256,
        );
        assert(wrong < 0, `byte ${from + wrong} was held too long, or is wrong`);
        position += chunk.byteLength;
      }
      assertEqual(position, sizeBytes, "bytes read back");
    },
  },
];

function sizesFor(trial: Trial): number[] {
  const { parts, maxObjectBytes } = trial.driver.limits;
  const sizes = [...SIZES];
  if (parts !== null && parts.minBytes <= LARGEST_PART_BYTES) {
    sizes.push(parts.minBytes - 1, parts.minBytes, parts.minBytes + 1);
  }
  return sizes.filter((size) => size >= 0 && size <= (maxObjectBytes ?? Number.MAX_SAFE_INTEGER));
}
