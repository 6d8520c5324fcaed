import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Call } from "../../../../drivers/s3/wire/call.ts";
import { DEFAULT_TIMEOUTS } from "../../../../drivers/s3/wire/client-options.ts";
import { type Attempt, AttemptError, type Failure } from "../../../../drivers/s3/wire/failure.ts";
import type { S3Request } from "../../../../drivers/s3/wire/protocol.ts";
import { RetryPolicy } from "../../../../drivers/s3/wire/retry-policy.ts";
import { isStowageError } from "../../../../src/driver.ts";

const REQUEST: S3Request = { action: "PutObject", method: "PUT", objectKey: "a" };
const DOWN = {
  code: "storage_unavailable",
  reason: "the connection broke",
  recovery: "wait",
  s3Code: null,
  status: null,
} as const satisfies Failure;
const THROTTLED = { ...DOWN, recovery: "throttle", s3Code: "SlowDown", status: 503 } as const;

/** What a store answers to its next request, `null` for success, after 20 ms. */
type Store = () => Failure | null;

/** Numbers from 0 to 1 that look random and are the same in each run. */
function dice(seed = 1): () => number {
  let state = seed;
  return () => {
    // Mulberry32.
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), 1 | state);
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word;
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A client without a network, in virtual time. */
class Client {
  readonly policy: RetryPolicy;
  attempts = 0;
  store: Store;

  constructor(store: Store) {
    this.store = store;
    const roll = dice(7);
    const random = (bytes: Uint8Array): Uint8Array => bytes.map(() => roll() * 256);
    this.policy = new RetryPolicy({ now: Date.now, random });
  }

  /** One call, as the S3 client makes it. @returns Whether it succeeded. */
  async send(signal?: AbortSignal): Promise<boolean> {
    const call = new Call({ ...REQUEST, signal }, DEFAULT_TIMEOUTS, Date.now);
    for (;;) {
      try {
        await this.policy.turn(call);
      } catch (error) {
        if (error !== call.error) throw error;
        return false;
      }
      const number = call.begin();
      this.attempts += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
      const failure = this.store();
      if (failure === null) {
        this.policy.responded();
        return true;
      }
      const addressing = { region: "eu-central-1" } as Attempt["addressing"];
      const attempt = { request: REQUEST, bucket: "uploads", addressing, number };
      call.failed(new AttemptError(failure, attempt as Attempt));
      this.policy.failed(failure);
      if (!(await this.policy.backOff(failure, number, call))) return false;
    }
  }

  /** So many calls, so many at once. @returns How many were lost. */
  async run(calls: number, atOnce: number): Promise<number> {
    let begun = 0;
    let lost = 0;
    const worker = async (): Promise<void> => {
      while (begun < calls) {
        begun += 1;
        if (!(await this.send())) lost += 1;
      }
    };
    await inTime(Promise.all(Array.from({ length: atOnce }, worker)));
    return lost;
  }
}

/** Let virtual time pass until `work` is done. */
async function inTime<Result>(work: Promise<Result>): Promise<Result> {
  let isDone = false;
  const done = work.finally(() => {
    isDone = true;
  });
  while (!isDone) await vi.advanceTimersByTimeAsync(10);
  return await done;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"], now: 1_000_000 });
});
afterEach(() => {
  // No one waits any more, so nothing may be left that will wake.
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

describe("a store that throttles", () => {
  test.each([
    [8, 0.3],
    [100, 0.3],
    [1000, 0.3],
    [100, 0.5],
  ])("loses none of 1,000 calls, %i at once, when it refuses %d of all requests", async (atOnce, share) => {
    const roll = dice();
    const client = new Client(() => (roll() < share ? THROTTLED : null));
    expect(await client.run(1000, atOnce)).toBe(0);
    expect(client.attempts / 1000).toBeLessThan(1.1 / (1 - share));
  });

  test.each([
    [100, 1500],
    [1000, 10_000],
  ])("is asked little more often than the %i times a second that it takes", async (perSecond, calls) => {
    let tokens = 0;
    let filledAt = Date.now();
    const client = new Client(() => {
      const earned = ((Date.now() - filledAt) / 1000) * perSecond;
      tokens = Math.min(perSecond / 10, tokens + earned);
      filledAt = Date.now();
      if (tokens < 1) return THROTTLED;
      tokens -= 1;
      return null;
    });
    const startedAt = Date.now();
    expect(await client.run(calls, 200)).toBe(0);
    expect(client.attempts / calls).toBeLessThan(2);
    // At its best it would take 10 or 15 s.
    expect((Date.now() - startedAt) / 1000).toBeLessThan(30);
  });

  test("loses no call when it refuses everything for a while", async () => {
    const until = Date.now() + 8_000;
    const client = new Client(() => (Date.now() < until ? THROTTLED : null));
    expect(await client.run(500, 500)).toBe(0);
    expect(client.attempts).toBeLessThan(1500);
  });

  test("is asked as before soon after it has stopped", async () => {
    let isBusy = true;
    const client = new Client(() => (isBusy ? THROTTLED : null));
    await client.run(500, 100);
    isBusy = false;
    expect(await client.run(1, 1)).toBe(0);
    const startedAt = Date.now();
    expect(await client.run(1000, 20)).toBe(0);
    // 20 at once, 20 ms each, take one second.
    expect((Date.now() - startedAt) / 1000).toBeLessThan(3);
  });

  test("is not asked before the time that it names", async () => {
    const sentAt: number[] = [];
    const client = new Client(() => {
      sentAt.push(Date.now());
      return sentAt.length === 1 ? { ...THROTTLED, retryAfterMs: 7_000 } : null;
    });
    expect(await client.run(1, 1)).toBe(0);
    expect((sentAt[1] ?? 0) - (sentAt[0] ?? 0)).toBeGreaterThanOrEqual(7_000);
  });
});

describe("a store that fails", () => {
  test.each([
    1, 8, 100,
  ])("loses none of 100 calls, %i at once, when half of all requests fail", async (atOnce) => {
    const roll = dice(3);
    const client = new Client(() => (roll() < 0.5 ? DOWN : null));
    // It has been reached before.
    client.policy.responded();
    expect(await client.run(100, atOnce)).toBe(0);
  });

  test("loses no call when it is back in a few seconds", async () => {
    const until = Date.now() + 5_000;
    const client = new Client(() => (Date.now() < until ? DOWN : null));
    client.policy.responded();
    expect(await client.run(100, 100)).toBe(0);
  });
});

describe.each([
  ["throttles", THROTTLED],
  ["fails", DOWN],
  ["fails inside", { ...DOWN, status: 500, s3Code: "InternalError" }],
] as const)("a store that %s for ever", (_what, failure) => {
  test.each([
    [1, "before anything else"],
    [20, "before anything else"],
    [500, "before anything else"],
    [100, "after it has answered"],
  ])("gets 1.2 attempts of each call at most: %i at once, %s", async (atOnce, when) => {
    const client = new Client(() => null);
    if (when === "after it has answered") await client.run(1000, 100);
    client.attempts = 0;
    client.store = () => failure;
    expect(await client.run(500, atOnce)).toBe(500);
    expect(client.attempts / 500).toBeLessThanOrEqual(1.2);
    // By now it is known: one attempt each, and no waiting.
    client.attempts = 0;
    const startedAt = Date.now();
    expect(await client.run(100, 1)).toBe(100);
    expect(client.attempts).toBe(100);
    expect(Date.now() - startedAt).toBeLessThan(5_000);
    client.store = () => null;
    expect(await client.run(100, 20)).toBe(0);
  });
});

describe("a caller who gives up", () => {
  test("leaves at once, and those behind do not wait for it", async () => {
    let isBusy = true;
    const client = new Client(() => (isBusy ? THROTTLED : null));
    const aborter = new AbortController();
    // So many throttled answers that one request a second is left.
    const crowd = Array.from({ length: 300 }, () =>
      client.send(aborter.signal).catch((error: unknown) => error),
    );
    await vi.advanceTimersByTimeAsync(2_000);
    isBusy = false;
    const behind = client.send();
    aborter.abort();
    const outcomes = await Promise.all(crowd);
    expect(outcomes.every((error) => isStowageError(error, "request_aborted"))).toBe(true);
    const startedAt = Date.now();
    expect(await inTime(behind)).toBe(true);
    expect(Date.now() - startedAt).toBeLessThan(2_000);
  });
});
