import { expect, test } from "vitest";
import { StowageError } from "../../src/domain/errors.ts";
import { type LogFields, SILENT } from "../../src/domain/ports/logger.ts";
import { defineProcessor } from "../../src/processor.ts";
import { ACME, type TestServicesOptions, testServices } from "../support/services.ts";

const PLAIN = { version: "1", accepts: ["text/plain"] };

/** Services and the log lines of a worker. */
async function scene(options: TestServicesOptions) {
  const { newWorker, ...services } = await testServices(options);
  const lines: (LogFields & { event: string })[] = [];
  const note = (event: string, fields?: LogFields) => void lines.push({ event, ...fields });
  const worker = newWorker({ logger: { ...SILENT, info: note, warn: note, error: note } });
  return {
    ...services,
    lines,
    stop: () => worker.stop(),
    async run() {
      worker.start();
      await worker.idle();
      await worker.stop();
    },
  };
}

const crash = () =>
  new StowageError("extractor_crashed", "Cannot process document: its process died", {
    retryable: true,
    data: { signal: "SIGSEGV" },
  });

test("each failed attempt is logged with its outcome", async () => {
  const { lines, run, ...services } = await scene({
    processors: [
      defineProcessor({ name: "held", ...PLAIN, process: async () => ({ output: {} }) }),
    ],
    maxAttempts: 2,
    extract: () => Promise.reject(crash()),
  });
  const { id } = await services.put("hello", true);
  await run();
  services.clock.advance(60_000);
  await run();
  const facts = { uploadId: id, tenantId: ACME };
  const failed = { ...facts, processor: "held", code: "extractor_crashed" };
  const cause = {
    message: "Cannot process document: its process died",
    data: { signal: "SIGSEGV" },
  };
  expect(lines).toMatchObject([
    { event: "processing.failed", ...failed, attempt: 1, outcome: "retry", cause },
    { event: "processing.finished", ...facts, attempt: 1, outcome: "retry" },
    { event: "processing.failed", ...failed, attempt: 2, outcome: "failed", cause },
    { event: "processing.finished", ...facts, attempt: 2, outcome: "failed" },
  ]);
});

test("a limit that a document exceeds is logged as the cause", async () => {
  const { lines, run, ...services } = await scene({
    processors: ["greedy", "modest"].map((name) =>
      defineProcessor({ name, ...PLAIN, process: async () => ({ output: {} }) }),
    ),
    async extract({ processor }) {
      if (processor === "modest") return { output: {} };
      const data = { limit: "memory" };
      throw new StowageError("document_too_complex", "Cannot process: it is hello", { data });
    },
  });
  await services.put("hello", true);
  await run();
  const cause = { limit: "memory" };
  expect(lines).toMatchObject([
    { event: "processing.failed", processor: "greedy", code: "document_too_complex", cause },
    { event: "processing.finished", outcome: "failed", errorCode: "document_too_complex" },
  ]);
  expect(JSON.stringify(lines)).not.toContain("hello");
});

test("a run that lost its job logs no failure", async () => {
  const { lines, run, ...services } = await scene({
    processors: [
      defineProcessor({ name: "late", ...PLAIN, process: async () => ({ output: {} }) }),
    ],
    async extract() {
      await services.uploads.delete(ACME, id);
      throw crash();
    },
  });
  const { id } = await services.put("hello", true);
  await run();
  expect(lines).toMatchObject([{ event: "processing.finished", uploadId: id, outcome: "lost" }]);
});

test("a stopped job is logged as interrupted, and later as processed", async () => {
  const begun = Promise.withResolvers<void>();
  let calls = 0;
  const { lines, ...services } = await scene({
    processors: [
      defineProcessor({ name: "held", ...PLAIN, process: async () => ({ output: {} }) }),
    ],
    async extract({ signal }) {
      calls += 1;
      if (calls > 1) return { output: {} };
      begun.resolve();
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      throw new StowageError("request_aborted", "Cannot process: it was stopped");
    },
  });
  await services.put("hello", true);
  const first = services.run();
  await begun.promise;
  await Promise.all([first, services.stop()]);
  await services.run();
  expect(lines.map(({ event, outcome }) => [event, outcome])).toEqual([
    ["processing.finished", "interrupted"],
    ["processing.finished", "processed"],
  ]);
});
