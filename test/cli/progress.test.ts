import { describe, expect, it } from "vitest";
import type { Cli } from "../../src/cli/command.ts";
import { Progress } from "../../src/cli/progress.ts";

/** A progress whose clock a test moves, and everything it wrote. */
function progress(parts: Partial<Cli> = {}, quiet = false) {
  const written: string[] = [];
  let now = 0;
  const cli = {
    argv: [],
    env: {},
    isTerminal: true,
    out: () => expect.unreachable(),
    err: (text: string) => void written.push(text),
    stopSignal: () => expect.unreachable(),
    runtime: () => expect.unreachable(),
    ...parts,
  } satisfies Cli;
  const line = new Progress(cli, quiet, () => now);
  return { line, written, wait: (ms: number) => (now += ms) };
}

describe("Progress", () => {
  it("draws one line over and over, with its pace", () => {
    const { line, written, wait } = progress({ columns: () => 120 });
    line.begin("Queueing");
    line.show(0, 2_000);
    wait(4_000);
    line.show(500, 2_000);
    line.clear();
    expect(written).toEqual([
      "\rQueueing  [------------------------]    0%  0 of 2,000  \x1b[K",
      "\rQueueing  [######------------------]   25%  500 of 2,000  125/s  0:12 left\x1b[K",
      "\r\x1b[K",
    ]);
  });

  it("draws ten times a second at most", () => {
    const { line, written, wait } = progress();
    line.begin("Queueing");
    for (let done = 0; done < 1_000; done += 1) {
      line.show(done, 1_000);
      wait(1);
    }
    expect(written).toHaveLength(10);
  });

  it("stays within the window, whose width may change", () => {
    let width = 30;
    const { line, written, wait } = progress({ columns: () => width });
    line.begin("Queueing");
    line.show(1, 2);
    wait(200);
    width = 1;
    line.show(2, 2);
    const shown = written.map((text) => text.replace("\r", "").replace("\x1b[K", ""));
    expect(shown.map((text) => text.length)).toEqual([29, 1]);
  });

  it.each([
    ["no terminal", { isTerminal: false }],
    ["a dumb one", { env: { TERM: "dumb" } }],
  ])("writes plain lines now and then where there is %s", (_, parts) => {
    const { line, written, wait } = progress(parts);
    line.begin("Queueing");
    line.show(1, 40);
    for (let done = 1; done <= 25; done += 1) {
      wait(1_000);
      line.show(done, 40);
    }
    line.clear();
    expect(written).toEqual(["Queueing: 10 of 40\n", "Queueing: 20 of 40\n"]);
  });

  it("writes nothing where a machine reads", () => {
    const { line, written, wait } = progress({}, true);
    line.begin("Queueing");
    line.show(1, 2);
    wait(60_000);
    line.show(2, 2);
    line.clear();
    expect(written).toEqual([]);
  });

  it("knows that all of nothing is done", () => {
    const { line, written } = progress();
    line.begin("Queueing");
    line.show(0, 0);
    expect(written.join("")).toContain("100%  0 of 0");
  });
});
