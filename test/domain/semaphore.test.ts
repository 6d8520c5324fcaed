import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { Semaphore } from "../../src/domain/semaphore.ts";

test("acquire() serves callers in the order of asking, and skips those who gave up", async () => {
  const semaphore = new Semaphore(1);
  const order: string[] = [];
  const release = await semaphore.acquire();
  const controller = new AbortController();
  const gaveUp = semaphore.acquire(controller.signal);
  const ask = async (name: string): Promise<void> => {
    const done = await semaphore.acquire();
    order.push(name);
    done();
  };
  const asking = [ask("second"), ask("third")];
  controller.abort();
  await expect(gaveUp).rejects.toMatchObject({ code: "request_aborted" });
  release();
  // Asks while the turn is on its way to the second.
  asking.push(ask("late"));
  await Promise.all(asking);
  expect(order).toEqual(["second", "third", "late"]);
  await expect(semaphore.acquire(controller.signal)).rejects.toMatchObject({
    code: "request_aborted",
  });
  (await semaphore.acquire())();
});

test("acquire() lets in as many at once as the semaphore counts", async () => {
  const semaphore = new Semaphore(2);
  const releases = [await semaphore.acquire(), await semaphore.acquire()];
  let isIn = false;
  const third = semaphore.acquire().then((release) => {
    isIn = true;
    return release;
  });
  await Promise.resolve();
  expect(isIn).toBe(false);
  for (const release of releases) release();
  (await third)();
});

test("acquire() leaves no listener on a signal that outlives the call", async () => {
  const semaphore = new Semaphore(1);
  const { signal } = new AbortController();
  const release = await semaphore.acquire(signal);
  const waiting = semaphore.acquire(signal);
  release();
  (await waiting)();
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});
