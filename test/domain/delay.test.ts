import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { delay, waitFor } from "../../src/domain/delay.ts";
import { isStowageError } from "../../src/domain/errors.ts";

const never = new Promise<never>(() => {});

test("delay() ends as soon as its signal is aborted, and leaves no listener", async () => {
  const aborter = new AbortController();
  const { signal } = aborter;
  await delay(0, signal);
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
  const delayed = delay(1_000_000, signal).catch((error: unknown) => error);
  aborter.abort();
  expect(isStowageError(await delayed, "request_aborted")).toBe(true);
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
  await expect(delay(1, signal)).rejects.toThrow(/aborted the request/);
});

test("waitFor() settles as its work does", async () => {
  const { signal } = new AbortController();
  const timeout = { ms: 1_000_000, error: () => new Error("too late") };
  expect(await waitFor(Promise.resolve(1), { signal, timeout })).toBe(1);
  const failure = new Error("its own");
  await expect(waitFor(Promise.reject(failure), { signal, timeout })).rejects.toBe(failure);
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});

test("waitFor() ends with request_aborted, or with the caller's own error", async () => {
  const aborter = new AbortController();
  const { signal } = aborter;
  const waiting = waitFor(never, { signal });
  const chosen = waitFor(never, { signal, abortError: () => signal.reason });
  aborter.abort("enough");
  await expect(waiting).rejects.toMatchObject({ code: "request_aborted", cause: "enough" });
  await expect(chosen).rejects.toBe("enough");
  await expect(waitFor(never, { signal })).rejects.toMatchObject({ code: "request_aborted" });
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});

test("waitFor() ends at the timeout, and ignores a late failure of its work", async () => {
  const work = Promise.withResolvers<number>();
  const timeout = { ms: 0, error: () => new Error("too late") };
  await expect(waitFor(work.promise, { timeout })).rejects.toThrow("too late");
  work.reject(new Error("later still"));
});
