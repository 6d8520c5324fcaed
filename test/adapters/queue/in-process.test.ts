import { describe, expect, it } from "vitest";
import { createInProcessQueue } from "../../../src/adapters/queue/in-process.ts";
import { type Logger, SILENT } from "../../../src/domain/ports/logger.ts";

/** Two turns of the event loop: later than any wake-up that was due before. */
async function settle(): Promise<void> {
  for (let i = 0; i < 2; i++) await new Promise((resolve) => setTimeout(resolve, 0));
}

describe("createInProcessQueue()", () => {
  it("wakes every listener once for many wake-ups of one turn", async () => {
    const queue = createInProcessQueue();
    const heard: string[] = [];
    queue.onWake(() => heard.push("a"));
    queue.onWake(() => heard.push("b"));
    for (let i = 0; i < 100; i++) queue.wake();
    expect(heard).toEqual([]);
    await settle();
    expect(heard).toEqual(["a", "b"]);
    queue.wake();
    await settle();
    expect(heard).toEqual(["a", "b", "a", "b"]);
  });

  it("stops calling a listener that was taken away, even when a wake-up is due", async () => {
    const queue = createInProcessQueue();
    const heard: string[] = [];
    const stopFirst = queue.onWake(() => heard.push("first"));
    queue.onWake(() => {
      heard.push("second");
      stopThird();
    });
    const stopThird = queue.onWake(() => heard.push("third"));
    queue.wake();
    stopFirst();
    await settle();
    expect(heard).toEqual(["second"]);
  });

  it("lets the same function listen twice", async () => {
    const queue = createInProcessQueue();
    let calls = 0;
    const listener = () => void calls++;
    const stop = queue.onWake(listener);
    queue.onWake(listener);
    stop();
    stop();
    queue.wake();
    await settle();
    expect(calls).toBe(1);
  });

  it("bears a listener that throws, and reports it", async () => {
    const reported: string[] = [];
    const logger: Logger = { ...SILENT, error: (event) => void reported.push(event) };
    const queue = createInProcessQueue(logger);
    let calls = 0;
    queue.onWake(() => {
      throw new Error("boom");
    });
    queue.onWake(() => void calls++);
    queue.wake();
    await settle();
    expect(calls).toBe(1);
    expect(reported).toEqual(["queue.listener_failed"]);
  });

  it("lets others run when a listener wakes it for ever", async () => {
    const queue = createInProcessQueue();
    const stop = queue.onWake(() => queue.wake());
    queue.wake();
    await settle();
    stop();
  });
});
