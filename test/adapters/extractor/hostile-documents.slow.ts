import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { docx, p } from "../../fixtures/docx.ts";
import { pdf } from "../../fixtures/pdf.ts";
import { deed, document, extractor, failureOf, watchedHost } from "./harness.ts";

const MIB = 1024 * 1024;
const WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
/** A system that does not show what its processes use. */
const BLIND = { readTextFile: async () => null };

/** Only the watchdog says these; the other lines of defence find other words. */
const DETAILS = {
  memory: /it needs more than 256 MiB of memory$/,
  cpu: /it needs more than 0\.5 s of CPU time$/,
  wall: /it needs more than 0\.3 s$/,
} as const;

const docxBomb = docx(p("boom").repeat(600_000));
const pdfBurner = pdf([
  `BT /F 9 Tf ${"1 0 0 1 9 9 Tm (burning) Tj ".repeat(1_500_000)} ET`,
  "BT /F 9 Tf 50 700 Td (never reached) Tj ET",
]);

it.each([
  ["a loop", deed("loop"), { cpuSeconds: 0.5 }, "cpu" as const],
  ["sleep", deed("sleep"), { wallMs: 300 }, "wall" as const],
  ["buffers without end", deed("buffers"), {}, "memory" as const],
  ["objects without end", deed("strings"), {}, "memory" as const],
  [
    "a small PDF that draws for ever",
    document(pdfBurner, { contentType: "application/pdf" }),
    // It takes memory too: on a busy machine the watchdog looks later, and would see that first.
    { cpuSeconds: 0.5, memoryBytes: 1024 * MIB },
    "cpu" as const,
  ],
])("%s fails as too complex, and the next document is read", async (_, hostile, limits, limit) => {
  const { run } = extractor({ limits: { memoryBytes: 256 * MIB, wallMs: 20_000, ...limits } });
  const before = process.memoryUsage.rss();
  expect(await failureOf(run(hostile))).toMatchObject({
    code: "document_too_complex",
    retryable: false,
    data: { limit },
    message: expect.stringMatching(DETAILS[limit]),
  });
  expect(process.memoryUsage.rss() - before).toBeLessThan(64 * MIB);
  expect((await run(document(new TextEncoder().encode("good")))).text).toBe("good");
});

it("a small Word file that is large inside is too complex, and the process lives on", async () => {
  const host = watchedHost();
  const { run } = extractor({ host });
  expect(await failureOf(run(document(docxBomb, { contentType: WORD })))).toMatchObject({
    code: "document_too_complex",
    retryable: false,
    message: expect.stringContaining("inflates"),
  });
  await run(deed("pid"));
  expect(host.started).toHaveLength(1);
});

it("buffers without end fail as too complex where a process cannot be watched", async () => {
  const host = watchedHost(BLIND);
  const { run } = extractor({ host, limits: { wallMs: 20_000 } });
  // V8 reports a refused buffer to the processor, and ends the process for a refused object.
  expect((await failureOf(run(deed("buffers")))).code).toBe("document_too_complex");
  expect(await failureOf(run(deed("strings")))).toMatchObject({
    code: "document_too_complex",
    data: { limit: "memory" },
  });
  expect((await endsOf(host)).at(-1)).toBe("SIGABRT");
});

it("CPU time ends at the process's own limit where a process cannot be watched", async () => {
  const host = watchedHost(BLIND);
  const { run } = extractor({ host, limits: { cpuSeconds: 0.1, wallMs: 20_000 } });
  expect(await failureOf(run(deed("loop")))).toMatchObject({
    code: "document_too_complex",
    data: { limit: "cpu" },
  });
  expect(await endsOf(host)).toEqual(["SIGXCPU"]);
});

it("nesting without end fails as too complex and leaves the process alive", async () => {
  const host = watchedHost();
  const { run } = extractor({ host });
  expect((await failureOf(run(deed("nest")))).code).toBe("document_too_complex");
  await run(deed("pid"));
  expect(host.started).toHaveLength(1);
});

describe("a process that dies", () => {
  it.each([
    ["signal SIGSEGV", { signal: "SIGSEGV" }],
    ["signal SIGKILL", { signal: "SIGKILL" }],
    ["exit", { exitCode: 3 }],
  ])("of its own (%s) is a crash, and the next document is read", async (says, data) => {
    const { run } = extractor();
    expect(await failureOf(run(deed(says)))).toMatchObject({
      code: "extractor_crashed",
      retryable: true,
      data,
    });
    expect((await run(document(new TextEncoder().encode("good")))).text).toBe("good");
  });

  it("from outside in the middle of a document is a crash", async () => {
    const host = watchedHost();
    const { run } = extractor({ host });
    const middle = Promise.withResolvers<void>();
    const half = failureOf(
      run(
        deed("", {
          sizeBytes: 100,
          open: async () => halfThen(middle),
        }),
      ),
    );
    await middle.promise;
    process.kill(host.started[0]?.pid ?? 0, "SIGKILL");
    expect(await half).toMatchObject({ code: "extractor_crashed", data: { signal: "SIGKILL" } });
    expect((await run(document(new TextEncoder().encode("good")))).text).toBe("good");
  });

  it("while it is idle is not noticed by the next document", async () => {
    const host = watchedHost();
    const { run } = extractor({ host });
    await run(deed("pid"));
    process.kill(host.started[0]?.pid ?? 0, "SIGKILL");
    await host.started[0]?.ended;
    expect((await run(document(new TextEncoder().encode("good")))).text).toBe("good");
  });
});

describe("standard output", () => {
  it("is out of reach for what a library prints", async () => {
    const host = watchedHost();
    const { run } = extractor({ host });
    expect((await run(deed("print"))).output).toEqual({ answer: "printed" });
    expect((await run(deed("print"))).output).toEqual({ answer: "printed" });
    expect(host.started).toHaveLength(1);
  });

  it("makes a crash of a process that writes garbage to it", async () => {
    const { run } = extractor();
    const error = await failureOf(run(deed("garbage")));
    expect(error).toMatchObject({ code: "extractor_crashed", retryable: true });
    expect(error.message).toContain("sent an invalid answer");
    expect((await run(document(new TextEncoder().encode("good")))).text).toBe("good");
  });
});

describe("a process that was taken over", () => {
  it.each([
    "too much text",
    "ready once more",
    "an end",
    "a huge frame",
    "no JSON",
    "a thousand and one log lines",
    "silence",
  ])("is ended when it answers with %s", async (lie) => {
    const host = watchedHost();
    const command = [process.execPath, join(import.meta.dirname, "liar.ts"), lie];
    const { run } = extractor({ host, command, limits: { maxTextBytes: MIB } });
    expect(await failureOf(run(deed("pid")))).toMatchObject({
      code: "extractor_crashed",
      retryable: true,
    });
    expect(await endsOf(host)).toEqual(["SIGKILL"]);
  });
});

describe("a processor that breaks its contract", () => {
  it.each([
    "fail",
    "invent",
    "text 2000000",
  ])("(%s) has failed, and its process is replaced", async (says) => {
    const host = watchedHost();
    const { run } = extractor({ host, limits: { maxTextBytes: MIB } });
    const error = await failureOf(run(deed(says)));
    expect(error).toMatchObject({ code: "processor_failed", retryable: false });
    expect(error.message).toBe("Cannot process document: processor hostile failed");
    expect(await host.started[0]?.ended).toEqual({ code: null, signal: "SIGKILL" });
    await run(deed("pid"));
    expect(host.started).toHaveLength(2);
  });

  it("is distinguished from one that refuses a document", async () => {
    const host = watchedHost();
    const { run } = extractor({ host });
    const error = await failureOf(run(deed("refuse")));
    expect(error).toMatchObject({ code: "document_unreadable", retryable: false });
    expect(error.message).toBe("Cannot read document: it says so itself");
    await run(deed("pid"));
    expect(host.started).toHaveLength(1);
  });
});

describe("an extraction process", () => {
  it("sees nothing of the service's environment but its path", async () => {
    process.env["STOWAGE_CANARY_SECRET"] = "do not pass on";
    onTestFinished(() => void delete process.env["STOWAGE_CANARY_SECRET"]);
    const { run } = extractor();
    const { output } = await run(deed("environment"));
    // The shell that sets the limits adds the folder it is in.
    expect(output["answer"]).toEqual(["PATH", "PWD"]);
  });

  it("may read its code and libraries, and do nothing else to the system", async () => {
    const root = join(import.meta.dirname, "../../..");
    const canary = join(tmpdir(), `stowage-canary-${process.pid}`);
    const { run } = extractor();
    const answerTo = async (says: string) => (await run(deed(says))).output["answer"];
    expect(await answerTo(`read ${join(root, "package.json")}`)).toContain('"stowage"');
    expect(await answerTo("read /etc/passwd")).toBe("ERR_ACCESS_DENIED");
    expect(await answerTo(`read ${join(root, "storage/stowage.db")}`)).toBe("ERR_ACCESS_DENIED");
    expect(await answerTo(`write ${canary}`)).toBe("ERR_ACCESS_DENIED");
    expect(await answerTo("spawn")).toBe("ERR_ACCESS_DENIED");
    expect(await answerTo("thread")).toBe("ERR_ACCESS_DENIED");
    expect(await answerTo("evaluate")).toBe("EvalError");
    expect(existsSync(canary)).toBe(false);
  });

  it("ends when the service is gone", async () => {
    const host = watchedHost();
    const { run } = extractor({ host });
    await run(deed("pid"));
    host.started[0]?.end();
    expect(await host.started[0]?.ended).toEqual({ code: 0, signal: null });
  });
});

async function* halfThen(reached: PromiseWithResolvers<void>): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(50);
  reached.resolve();
  await new Promise(() => {});
}

async function endsOf(host: ReturnType<typeof watchedHost>): Promise<(string | null)[]> {
  const ends = await Promise.all(host.started.map(({ ended }) => ended));
  return ends.map(({ signal }) => signal);
}
