import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { Semaphore } from "../../src/domain/semaphore.ts";

test("acquire() admits callers in order, and skips aborted ones", async () => {
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
  // Calls while the turn passes to the second one.
  asking.push(ask("late"));
  await Promise.all(asking);
  expect(order).toEqual(["second", "third", "late"]);
  await expect(semaphore.acquire(controller.signal)).rejects.toMatchObject({
    code: "request_aborted",
  });
  (await semaphore.acquire())();
});

test("acquire() admits as many callers at once as the semaphore allows", async () => {
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
