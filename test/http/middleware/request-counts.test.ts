import { expect, test } from "vitest";
import { RequestCounts } from "../../../src/http/middleware/request-counts.ts";
import { TestClock } from "../../support/services.ts";

function counts(maxCallers?: number) {
  const clock = new TestClock();
  const store = new RequestCounts(clock, 60_000, maxCallers);
  return { clock, store, hits: (key: string) => store.increment(key).totalHits };
}

test("increment() counts each caller by itself, anew in every window", () => {
  const { clock, store, hits } = counts();
  expect([hits("a"), hits("a"), hits("b")]).toEqual([1, 2, 1]);
  clock.advance(59_999);
  expect(hits("a")).toBe(3);
  clock.advance(1);
  expect([hits("a"), hits("b")]).toEqual([1, 1]);
  store.decrement("a");
  store.resetKey("b");
  expect([hits("a"), hits("b")]).toEqual([1, 1]);
});

test("increment() tells when the window ends, by the clock that the library looks at", () => {
  const { clock, store } = counts();
  store.increment("a");
  clock.advance(40_000);
  const leftMs = (store.increment("a").resetTime?.getTime() ?? 0) - Date.now();
  expect(Math.round(leftMs / 1000)).toBe(20);
});

test("increment() makes no window longer when the clock is set back", () => {
  const { clock, hits } = counts();
  hits("a");
  clock.advance(-3_600_000);
  expect(hits("a")).toBe(1);
  clock.advance(60_000);
  expect(hits("a")).toBe(1);
});

test("increment() keeps a bounded number of callers, and forgets whose window began first", () => {
  const { clock, store, hits } = counts(100);
  for (let i = 0; i < 1000; i += 1) hits(`caller ${i}`);
  expect(store.size).toBe(100);
  expect([hits("caller 999"), hits("caller 0")]).toEqual([2, 1]);
  clock.advance(60_000);
  hits("new");
  expect(store.size, "windows that have ended are swept out").toBe(1);
});
