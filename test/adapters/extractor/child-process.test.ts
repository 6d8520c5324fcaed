import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { LogFields, Logger } from "../../../src/domain/ports/logger.ts";
import { SILENT } from "../../../src/domain/ports/logger.ts";
import { deed, document, extractor, failureOf, watchedHost } from "./harness.ts";

const HELLO = new TextEncoder().encode("Hello, reader");
const MIB = 1024 * 1024;

async function* repeat(chunk: Uint8Array, times: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < times; i += 1) yield chunk;
}

describe("run()", () => {
  it("answers facts and text of every format", async () => {
    const { run } = extractor();
    const fixture = (name: string) =>
      readFileSync(join(import.meta.dirname, "../../fixtures", name));
    const pdf = await run(document(fixture("report.pdf"), { contentType: "application/pdf" }));
    const plain = await run(document(fixture("utf-16le.txt")));
    const docx = await run(
      document(fixture("minutes.docx"), {
        contentType: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
      }),
    );
    expect(pdf.output).toMatchObject({ pages: 3, truncated: false });
    expect(plain.text).toBe("Grüße aus Łódź\n\nΚαλημέρα, 世界 🙂");
    expect(docx.text).toContain("Middlemarch\t1871\t2\n夜と霧\t\t1\n");
  });

  it("uses one process for a hundred documents", async () => {
    const host = watchedHost();
    const { run } = extractor({ host });
    const pids = new Set<unknown>();
    for (let i = 0; i < 100; i += 1) pids.add((await run(deed("pid"))).output["answer"]);
    expect(host.started.map(({ pid }) => pid)).toEqual([...pids]);
  });

  it("replaces a process after the documents that were allowed for it", async () => {
    const host = watchedHost();
    const { run } = extractor({ host, documentsPerProcess: 2 });
    for (let i = 0; i < 5; i += 1) await run(deed("pid"));
    expect(host.started).toHaveLength(3);
  });

  it.each(["cpu", "memory"])("replaces a process that has too little %s left", async (what) => {
    const host = watchedHost();
    const { run } = extractor({ host });
    await run(deed(`wear ${what}`));
    await run(deed("pid"));
    expect(host.started).toHaveLength(2);
  });

  it("runs as many documents at once as it has processes, and no more", async () => {
    const host = watchedHost();
    const { run } = extractor({ host, concurrency: 2 });
    const answers = await Promise.all(Array.from({ length: 6 }, () => run(deed("pid"))));
    expect(new Set(answers.map(({ output }) => output["answer"])).size).toBe(2);
    expect(host.started).toHaveLength(2);
  });

  it("streams a large document through and gets all of its text back", async () => {
    const { run } = extractor({ limits: { maxTextBytes: 64 * MIB } });
    const line = new TextEncoder().encode(`${"fifty mebibytes ".repeat(4)}\n`.repeat(1024));
    const times = Math.ceil((50 * MIB) / line.byteLength);
    const { text, output } = await run(
      document(HELLO, {
        sizeBytes: line.byteLength * times,
        open: async () => repeat(line, times),
      }),
    );
    expect(text?.length).toBe(line.byteLength * times - " \n".length);
    expect(output).toMatchObject({ truncated: false, words: 8 * 1024 * times });
  });

  it("reads no more of a document than its process takes", async () => {
    const stop = new AbortController();
    const { run } = extractor({ limits: { wallMs: 500, maxTextBytes: MIB } });
    let sent = 0;
    async function* endless() {
      for (;;) {
        sent += MIB;
        yield new Uint8Array(MIB);
      }
    }
    // The processor reads one frame and sleeps: `hostile` would need all of it before it acts.
    const error = failureOf(
      run(
        deed("", {
          extension: ".asleep",
          sizeBytes: 1e12,
          open: async () => endless(),
          signal: stop.signal,
        }),
      ),
    );
    expect((await error).code).toBe("document_too_complex");
    expect(sent).toBeLessThan(8 * MIB);
  });

  it("goes on with the next document where a processor left one half read", async () => {
    const host = watchedHost();
    const { run } = extractor({ host });
    const answer = await run(
      deed("", {
        extension: ".unread",
        sizeBytes: 64 * MIB,
        open: async () => repeat(new Uint8Array(MIB), 64),
      }),
    );
    expect(answer.output).toEqual({ read: "only the beginning" });
    expect((await run(document(HELLO))).text).toBe("Hello, reader");
    expect(host.started).toHaveLength(1);
  });

  it("lets go of a document that is answered early, and of its failure after that", async () => {
    const host = watchedHost();
    const { run } = extractor({ host });
    const pending = Promise.withResolvers<never>();
    const letGo = Promise.withResolvers<void>();
    let chunks = 0;
    const stuck = {
      next: () => (chunks++ === 0 ? Promise.resolve({ value: HELLO }) : pending.promise),
      async return() {
        letGo.resolve();
        return { done: true, value: undefined } as const;
      },
    };
    const open = async () => ({ [Symbol.asyncIterator]: () => stuck });
    await run(deed("", { extension: ".unread", sizeBytes: 1000, open }));
    await letGo.promise;
    async function* next() {
      yield HELLO.subarray(0, 5);
      pending.reject(new Error("the connection of the first one timed out"));
      await new Promise((resolve) => setImmediate(resolve));
      yield HELLO.subarray(5);
    }
    expect((await run(document(HELLO, { open: async () => next() }))).text).toBe("Hello, reader");
    expect(host.started).toHaveLength(1);
  });

  it("passes on what opening or reading the document throws", async () => {
    const host = watchedHost();
    const { run } = extractor({ host });
    const trouble = new Error("the storage is away");
    await expect(run(deed("pid", { open: () => Promise.reject(trouble) }))).rejects.toBe(trouble);
    async function* broken() {
      yield HELLO;
      throw trouble;
    }
    await expect(
      run(document(HELLO, { sizeBytes: 1000, open: async () => broken() })),
    ).rejects.toBe(trouble);
    expect((await run(document(HELLO))).text).toBe("Hello, reader");
  });

  it("does not count the time that the storage takes", async () => {
    let now = 0;
    const { run } = extractor({ limits: { wallMs: 1000 }, clock: { now: () => now } });
    const looked = Promise.withResolvers<void>();
    async function* slow() {
      yield HELLO.subarray(0, 5);
      now += 3_600_000;
      // Long enough for the watchdog to look, which it does every 50 ms.
      setTimeout(looked.resolve, 200);
      await looked.promise;
      yield HELLO.subarray(5);
    }
    expect((await run(document(HELLO, { open: async () => slow() }))).text).toBe("Hello, reader");
  });

  it("passes on what a processor logs", async () => {
    const lines: [string, LogFields | undefined][] = [];
    const logger: Logger = { ...SILENT, info: (event, fields) => void lines.push([event, fields]) };
    const { run } = extractor({ logger });
    expect((await run(deed("log"))).output).toEqual({ answer: "logged" });
    expect(lines).toEqual([["hostile.heard", { lengthBytes: 3 }]]);
  });

  it("blames no document where its host cannot start a process", async () => {
    const trouble = new TypeError("spawn is broken");
    const host = {
      ...watchedHost(),
      spawn() {
        throw trouble;
      },
    };
    const error = await failureOf(extractor({ host }).run(document(HELLO)));
    expect(error).toMatchObject({ code: "extractor_unavailable", retryable: true, cause: trouble });
  });

  it("refuses a processor that it does not have", async () => {
    const { run } = extractor();
    const error = await failureOf(run(document(HELLO, { processor: "ocr" })));
    expect(error).toMatchObject({ code: "processor_missing", retryable: false });
  });
});

describe("abort", () => {
  it("ends a document that is being computed, and its process", async () => {
    const host = watchedHost();
    const stop = new AbortController();
    // The processor says so when it begins, and hears nothing from then on.
    const logger: Logger = { ...SILENT, info: () => stop.abort() };
    const { run } = extractor({ host, logger });
    expect((await failureOf(run(deed("loop", { signal: stop.signal })))).code).toBe(
      "request_aborted",
    );
    expect(await host.started[0]?.ended).toEqual({ code: null, signal: "SIGKILL" });
    expect((await run(document(HELLO))).text).toBe("Hello, reader");
  });

  it("ends a document that waits for its turn or for a process to start", async () => {
    const { run } = extractor();
    const stop = new AbortController();
    const starting = failureOf(run(deed("pid", { signal: stop.signal })));
    const waiting = failureOf(run(deed("pid", { signal: stop.signal })));
    const last = run(document(HELLO));
    stop.abort();
    expect((await starting).code).toBe("request_aborted");
    expect((await waiting).code).toBe("request_aborted");
    expect((await last).text).toBe("Hello, reader");
    expect((await failureOf(run(deed("pid", { signal: stop.signal })))).code).toBe(
      "request_aborted",
    );
  });
});

describe("close()", () => {
  it("ends every process, at work or idle, and takes no more documents", async () => {
    const host = watchedHost();
    const begun = Promise.withResolvers<void>();
    const logger: Logger = { ...SILENT, info: () => begun.resolve() };
    const busy = extractor({ host, logger, concurrency: 2 });
    await Promise.all([busy.run(deed("pid")), busy.run(deed("pid"))]);
    const looping = failureOf(busy.run(deed("loop")));
    await begun.promise;
    await busy.close();
    expect(await looping).toMatchObject({ code: "extractor_unavailable", retryable: true });
    expect(await Promise.all(host.started.map(({ ended }) => ended))).toEqual([
      { code: null, signal: "SIGKILL" },
      { code: null, signal: "SIGKILL" },
    ]);
    expect((await failureOf(busy.run(document(HELLO)))).code).toBe("extractor_unavailable");
  });

  it("is not needed for an idle process to end", async () => {
    const host = watchedHost();
    const { run } = extractor({ host, idleMs: 1 });
    await run(document(HELLO));
    expect(await host.started[0]?.ended).toEqual({ code: null, signal: "SIGKILL" });
  });
});

describe("check()", () => {
  it("runs its canary once, however often it is asked", async () => {
    const host = watchedHost();
    const healthy = extractor({ host, documentsPerProcess: 1 });
    await Promise.all([healthy.check(), healthy.check()]);
    await healthy.check();
    expect(host.started).toHaveLength(1);
  });

  it.each([
    ["a program that is not there", { command: ["/no/such/program"] }, "code 127"],
    ["a program other than an extraction process", { command: ["true"] }, "code 0"],
    [
      "a program that says something else",
      { command: ["echo", "hello"] },
      "sent an invalid answer",
    ],
    ["too little memory to start in", { limits: { dataBytes: 64 * MIB } }, "it ended with"],
    [
      "a processor that the process does not have",
      { processors: [{ name: "ocr", version: "1", accepts: ["image/png"] }] },
      "does not offer processor ocr in version 1",
    ],
  ])("says that no document can be processed, with %s", async (_, options, reason) => {
    const error = await failureOf(extractor(options).check());
    expect(error).toMatchObject({ code: "extractor_unavailable", retryable: true });
    expect(error.message).toContain(reason);
  });

  it("asks again about a failure, but not at once", async () => {
    const host = watchedHost();
    let now = 0;
    const broken = extractor({ host, command: ["true"], clock: { now: () => now } });
    await failureOf(broken.check());
    await failureOf(broken.check());
    expect(host.started).toHaveLength(1);
    now += 10_000;
    await failureOf(broken.check());
    expect(host.started).toHaveLength(2);
  });
});
