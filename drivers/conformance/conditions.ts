import { isStowageError } from "../../src/driver.ts";
import { inPieces, pattern } from "./sources.ts";
import { assert, assertBytes, assertCode, assertEqual, type TrialCase } from "./trial.ts";

const RACERS = 8;

export const CONDITION_CASES: readonly TrialCase[] = [
  {
    name: "put() with ifNoneMatch stores a new object and leaves an old one, or is refused",
    async test(trial) {
      const key = trial.key("condition");
      const bytes = new TextEncoder().encode("new");
      const attempt = () =>
        trial.driver.put(key, { kind: "bytes", bytes }, { ifNoneMatch: "*" }).then(
          () => "stored",
          (error: unknown) => (isStowageError(error) ? error.code : String(error)),
        );
      const first = await attempt();
      if (!trial.driver.limits.atomicIfNoneMatch && first === "unsupported_option") return;
      assertEqual(first, "stored", "put() with ifNoneMatch under a free key");
      assertEqual(await attempt(), "object_exists", "put() with ifNoneMatch under a taken key");
      await trial.put(key, "old");
      assertEqual(await attempt(), "object_exists", "put() with ifNoneMatch under a taken key");
      assertEqual(await trial.readText(key), "old", "get() of the object that was there");
    },
  },
  {
    name: "put() with ifNoneMatch has exactly one winner among racing writers",
    async test(trial) {
      if (!trial.driver.limits.atomicIfNoneMatch) return;
      const key = trial.key("race/to/here");
      const bodies = Array.from({ length: RACERS }, (_, index) => pattern(100_000, index + 1));
      const outcomes = await Promise.allSettled(
        bodies.map((bytes) =>
          trial.driver.put(
            key,
            { kind: "once", stream: inPieces(bytes), sizeBytes: bytes.byteLength },
            { ifNoneMatch: "*" },
          ),
        ),
      );
      const winners = outcomes.flatMap(({ status }, index) =>
        status === "fulfilled" ? [index] : [],
      );
      assertEqual(winners.length, 1, `winners among ${RACERS} writers`);
      for (const outcome of outcomes) {
        if (outcome.status === "fulfilled") continue;
        await assertCode(Promise.reject(outcome.reason), "the losers' put()", "object_exists");
      }
      const winning = bodies[winners[0] ?? 0];
      assert(winning !== undefined, "no winner");
      assertBytes(await trial.read(key), winning, "get() of the winner's bytes");
    },
  },
  {
    name: "put() by many writers at once leaves one of their objects whole",
    async test(trial) {
      const key = trial.key("overwritten/at/once");
      const bodies = Array.from({ length: RACERS }, (_, index) =>
        pattern(100_000 + index, index + 1),
      );
      await Promise.all(
        bodies.map((bytes) =>
          trial.driver.put(key, {
            kind: "once",
            stream: inPieces(bytes),
            sizeBytes: bytes.byteLength,
          }),
        ),
      );
      const found = await trial.read(key);
      const expected = bodies.find((bytes) => bytes.byteLength === found.byteLength);
      assert(expected !== undefined, `get() has ${found.byteLength} bytes, which no writer wrote`);
      assertBytes(found, expected, "get() after racing writers");
    },
  },
];
