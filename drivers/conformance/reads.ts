import { isAbort, isStowageError } from "../../src/driver.ts";
import { pattern } from "./sources.ts";
import {
  assert,
  assertBytes,
  assertCode,
  assertEqual,
  readAll,
  rejectionOf,
  type TrialCase,
} from "./trial.ts";

/** More than any driver or runtime reads ahead. */
const LARGE_BYTES = 4 * 1024 * 1024;

export const READ_CASES: readonly TrialCase[] = [
  {
    name: "get() delivers exactly the range asked for",
    async test(trial) {
      const size = 600_000;
      const bytes = pattern(size);
      const key = trial.key("ranges");
      await trial.put(key, bytes);
      for (const [start, end] of [
        [0, size],
        [0, 1],
        [size - 1, size],
        [1, size - 1],
        [65_535, 65_537],
        [262_143, 262_145],
        [100_000, 500_001],
      ] as const) {
        const read = await trial.driver.get(key, { range: { start, end } });
        const what = `get() of bytes ${start} to ${end}`;
        assertEqual(read.range, { start, end }, `${what}: range`);
        assertEqual(read.object.sizeBytes, size, `${what}: size of the whole object`);
        assertBytes(await readAll(read.stream), bytes.subarray(start, end), what);
      }
    },
  },
  {
    name: "get() and head() report what is missing: object_not_found and null",
    async test(trial) {
      await trial.put(trial.key("there/file"), "x");
      for (const path of ["missing", "missing/below", "there", "there/file/below", "there/fil"]) {
        const key = trial.key(path);
        await assertCode(trial.driver.get(key), `get() of ${path}`, "object_not_found");
        assertEqual(await trial.driver.head(key), null, `head() of ${path}`);
      }
    },
  },
  {
    name: "get() with ifMatch reads that version or fails with object_changed",
    async test(trial) {
      const key = trial.key("versions");
      const old = await trial.put(key, "old");
      const read = await trial.driver.get(key, { ifMatch: old.version });
      assertBytes(
        await readAll(read.stream),
        new TextEncoder().encode("old"),
        "get() with ifMatch",
      );
      const fresh = await trial.put(key, "new");
      const stale = trial.driver.get(key, { ifMatch: old.version });
      await assertCode(stale, "get() of a version that was replaced", "object_changed");
      const current = await trial.driver.get(key, {
        ifMatch: fresh.version,
        range: { start: 0, end: 1 },
      });
      await current.stream.cancel();
      await trial.driver.delete([key]);
      const gone = trial.driver.get(key, { ifMatch: fresh.version });
      await assertCode(
        gone,
        "get() of a version that was deleted",
        "object_not_found",
        "object_changed",
      );
    },
  },
  {
    name: "get() never mixes two versions when the object is replaced or deleted under it",
    async test(trial) {
      const [before, after] = [pattern(LARGE_BYTES, 1), pattern(LARGE_BYTES, 2)];
      for (const change of ["replace", "delete"] as const) {
        const key = trial.key(change);
        await trial.put(key, before);
        const { stream } = await trial.driver.get(key);
        const chunks: Uint8Array[] = [];
        try {
          for await (const chunk of stream) {
            if (chunks.length === 0) {
              if (change === "replace") await trial.put(key, after);
              else await trial.driver.delete([key]);
            }
            chunks.push(chunk);
          }
        } catch (error) {
          const allowed =
            isStowageError(error, "object_changed") || isStowageError(error, "object_not_found");
          assert(allowed, `get() after ${change}: found ${String(error)}`);
          continue;
        }
        async function* read(): AsyncGenerator<Uint8Array> {
          yield* chunks;
        }
        assertBytes(await readAll(read()), before, `get() that was under way at the ${change}`);
      }
    },
  },
  {
    name: "get() can be cancelled at any moment, and aborted with request_aborted",
    async test(trial) {
      const key = trial.key("stopped");
      const bytes = pattern(LARGE_BYTES);
      await trial.put(key, bytes);
      await (await trial.driver.get(key)).stream.cancel();
      const reader = (await trial.driver.get(key)).stream.getReader();
      await reader.read();
      await reader.cancel();
      const controller = new AbortController();
      const { stream } = await trial.driver.get(key, { signal: controller.signal });
      const reading = (async () => {
        for await (const _ of stream) controller.abort();
      })();
      const error = await rejectionOf(reading, "reading on after an abort");
      assert(isAbort(error), `reading on after an abort: found ${String(error)}`);
      assertBytes(await trial.read(key), bytes, "get() after others were stopped");
    },
  },
];
