import type { Body, ObjectKey } from "../../src/driver.ts";
import { HeldSource, inPieces, pattern } from "./sources.ts";
import {
  assert,
  assertCode,
  assertEqual,
  rejectionOf,
  type Trial,
  type TrialCase,
} from "./trial.ts";

/** Lengths after which bodies break: at once, in the first chunk, behind a batch, behind an S3 part. */
const BREAKS = [0, 1, 700_000, 9 * 1024 * 1024];

export const FAILURE_CASES: readonly TrialCase[] = [
  {
    name: "put() fails with its body's own error, and the old object stays",
    async test(trial) {
      for (const size of BREAKS) {
        await onFreshAndOldKey(trial, async (key) => {
          const failure = new Error("the source broke");
          async function* breaking(): AsyncGenerator<Uint8Array> {
            yield* inPieces(pattern(size));
            throw failure;
          }
          const body: Body = { kind: "once", stream: breaking(), sizeBytes: size + 10 };
          const error = await rejectionOf(
            trial.driver.put(key, body),
            "put() of a body that fails",
          );
          assert(error === failure, `put() changed its body's error: found ${String(error)}`);
        });
      }
    },
  },
  {
    name: "put() is aborted at any moment, also while its body keeps it waiting",
    async test(trial) {
      for (const size of BREAKS) {
        await onFreshAndOldKey(trial, async (key) => {
          const source = new HeldSource(pattern(size));
          const controller = new AbortController();
          const body: Body = { kind: "once", stream: source.stream, sizeBytes: size + 10 };
          const putting = trial.driver.put(key, body, { signal: controller.signal });
          putting.catch(() => {});
          await Promise.race([source.reached, putting.catch(() => {})]);
          controller.abort();
          try {
            const ended = trial.soon(putting, "put() after an abort");
            await assertCode(ended, "put() after an abort", "request_aborted");
          } finally {
            source.fail(new Error("the source gave up waiting"));
          }
        });
      }
    },
  },
  {
    name: "put() refuses a body that is shorter or longer than it said",
    async test(trial) {
      const bytes = pattern(100_000);
      for (const sizeBytes of [0, 99_999, 100_001, 10_000_000]) {
        await onFreshAndOldKey(trial, async (key) => {
          const what = `put() of 100000 bytes announced as ${sizeBytes}`;
          const once: Body = { kind: "once", sizeBytes, stream: inPieces(bytes) };
          await assertCode(trial.driver.put(key, once), what, "body_incomplete");
          const replayable: Body = {
            kind: "replayable",
            sizeBytes,
            open: (offset) => inPieces(bytes, offset),
          };
          await assertCode(trial.driver.put(key, replayable), what, "body_incomplete");
        });
      }
    },
  },
  {
    name: "every verb fails with request_aborted when its signal is aborted already",
    async test(trial) {
      const key = trial.key("aborted");
      await trial.put(key, "old");
      const { driver, prefix } = trial;
      const signal = AbortSignal.abort();
      const bytes = new Uint8Array(1);
      for (const [verb, call] of Object.entries({
        put: () => driver.put(key, { kind: "bytes", bytes }, { signal }),
        get: () => driver.get(key, { signal }),
        head: () => driver.head(key, { signal }),
        delete: () => driver.delete([key], { signal }),
        list: () => driver.list(prefix, { signal }),
        check: () => driver.check({ signal }),
      })) {
        await assertCode(call(), `${verb}() with an aborted signal`, "request_aborted");
      }
      assertEqual(await trial.readText(key), "old", "get() after calls that were aborted");
    },
  },
];

/** Whatever fails under a key, an object that was there stays, and one that was not there is not there. */
async function onFreshAndOldKey(
  trial: Trial,
  attempt: (key: ObjectKey) => Promise<void>,
): Promise<void> {
  const [fresh, old] = [trial.key("failing/fresh"), trial.key("failing/old")];
  const { version } = await trial.put(old, "old");
  for (const key of [fresh, old]) {
    await attempt(key);
    assertEqual(await trial.driver.head(fresh), null, "head() after a put that failed");
    assertEqual((await trial.driver.head(old))?.version, version, "version of the old object");
    assertEqual(await trial.readText(old), "old", "get() of the old object");
    const listed = (await trial.listAll(trial.prefix)).map((object) => object.key);
    assertEqual(listed, [old], "list() after a put that failed");
    const { leftovers, multipart } = trial.driver;
    if (leftovers !== undefined) {
      assertEqual(await leftovers.remove({ key }), 0, "leftovers of a put that failed");
    }
    if (multipart !== undefined) {
      const { uploads } = await multipart.listUploads(trial.prefix);
      assertEqual(uploads.length, 0, "unfinished multipart uploads of a put that failed");
    }
  }
}
