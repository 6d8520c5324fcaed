import { CompiledQuery } from "kysely";
import { describe, expect, test } from "vitest";
import { StowageError } from "../../src/domain/errors.ts";
import { defineProcessor, type Processor } from "../../src/processor.ts";
import { ACME, OTHER, testServices, textOf } from "../support/services.ts";

type Services = Awaited<ReturnType<typeof testServices>>;

/** A processor whose behaviour the test sets. */
function processor(name: string, process: Processor["process"]): Processor {
  return defineProcessor({ name, version: "1", accepts: ["text/plain"], process });
}

const shout = processor("shout", async (input) => {
  const text = new TextDecoder().decode(await input.bytes()).toUpperCase();
  return { output: { characters: text.length }, text };
});

/** A processor whose text counts its runs. */
function counting(): Processor {
  let run = 0;
  return processor("counting", async () => {
    run += 1;
    return { output: {}, text: `run ${run}` };
  });
}

async function settled(services: Services, id: string) {
  services.worker.start();
  const get = () => services.uploads.get(ACME, id);
  await expect
    .poll(async () => (await get()).status, { timeout: 5000 })
    .toMatch(/processed|failed/);
  return await get();
}

async function textKeys(services: Services): Promise<string[]> {
  return (await services.keys()).filter((key) => key.startsWith(".stowage/derived/"));
}

/** Resolves when it is called `count` times. */
function gate(count = 1) {
  let left = count;
  const { promise, resolve } = Promise.withResolvers<void>();
  return { promise, pass: () => --left === 0 && resolve() };
}

describe("ProcessingWorker", () => {
  test("processes an upload that was queued on arrival, and stores its text outside the records", async () => {
    const services = await testServices({ processors: [shout] });
    const { id, status } = await services.put("hello", true);
    expect(status).toBe("queued");
    expect(await settled(services, id)).toMatchObject({
      status: "processed",
      processing: { attempts: 1, error: null },
    });
    const { results } = await services.processing.result(ACME, id);
    expect(results).toMatchObject([
      { name: "shout", status: "processed", output: { characters: 5 } },
    ]);
    expect(await textOf((await results[0]?.openText?.()) ?? new ReadableStream())).toBe("HELLO");
    expect(await textKeys(services)).toHaveLength(1);
  });

  test("leaves a job in another server's storage to that server, with all its attempts", async () => {
    const services = await testServices({ processors: [shout] });
    const upload = await services.put("hello", true);
    await services.executor.run(
      CompiledQuery.raw("UPDATE uploads SET storage_id = 'elsewhere' WHERE id = ?", [upload.id]),
    );
    services.worker.start();
    await services.worker.idle();
    const left = { status: "queued", revision: upload.revision, processing: { attempts: 0 } };
    expect(await services.uploads.get(ACME, upload.id)).toMatchObject(left);
    // It does not delay our own jobs.
    const { id } = await services.put("hello", true);
    expect(await settled(services, id)).toMatchObject({ status: "processed" });
    expect(await services.uploads.get(ACME, upload.id)).toMatchObject(left);
  });

  test("fails finally if the storage refuses the text, and the file is safe", async () => {
    const services = await testServices({
      processors: [shout],
      tamper: (driver) => ({
        put: async (key, ...rest) => {
          if (!key.startsWith(".stowage/")) return await driver.put(key, ...rest);
          throw new StowageError("storage_access_denied", "Cannot put: canary-bucket is read-only");
        },
      }),
    });
    const { id } = await services.put("hello", true);
    const upload = await settled(services, id);
    const error = { code: "storage_access_denied", retryable: false };
    expect(upload).toMatchObject({ status: "failed", processing: { error } });
    expect(upload.processing.error?.detail).toBe("The storage of the file is unavailable");
    expect(await textOf(await services.downloads.read(upload, null))).toBe("hello");
  });

  test("leaves an upload stored if no processor reads its type", async () => {
    const services = await testServices({ processors: [shout] });
    const upload = await services.put("%PDF-1.7\n", true);
    expect(upload.status).toBe("stored");
    expect((await services.processing.reprocess(ACME, upload.id, null)).status).toBe("stored");
  });

  test("fails with the document's error, keeps the other results, and the file is safe", async () => {
    const broken = processor("broken", async () => {
      throw new StowageError("document_encrypted", "Cannot read document: it needs a password");
    });
    const services = await testServices({ processors: [broken, shout] });
    const { id } = await services.put("hello", true);
    const upload = await settled(services, id);
    expect(upload).toMatchObject({
      status: "failed",
      processing: { attempts: 1, error: { code: "document_encrypted", retryable: false } },
    });
    const { results } = await services.processing.result(ACME, id);
    expect(results.map(({ name, status }) => [name, status])).toEqual([
      ["broken", "failed"],
      ["shout", "processed"],
    ]);
    expect(await textOf(await services.downloads.read(upload, null))).toBe("hello");
  });

  test("gives later processors the error of the text processor, but not a crash", async () => {
    const received: unknown[] = [];
    const reason = { code: "document_too_complex", message: "Cannot process document: too much" };
    const services = await testServices({
      processors: [processor("text", shout.process), processor("other", shout.process)],
      maxAttempts: 1,
      async extract({ processor, textFailure }) {
        received.push([processor, textFailure?.code]);
        if (processor === "text") {
          throw new StowageError(reason.code as "document_too_complex", reason.message, {
            retryable: reason.code === "extractor_crashed",
          });
        }
        return { output: {} };
      },
    });
    const { id } = await services.put("hello", true);
    expect(await settled(services, id)).toMatchObject({ status: "failed" });
    reason.code = "extractor_crashed";
    await services.processing.reprocess(ACME, id, null);
    expect(await settled(services, id)).toMatchObject({ status: "failed" });
    expect(received).toEqual([
      ...[
        ["text", undefined],
        ["other", "document_too_complex"],
      ],
      ...[
        ["text", undefined],
        ["other", undefined],
      ],
    ]);
  });

  test("shows neither the stack nor the text of an unexpected error", async () => {
    const buggy = processor("buggy", async () => {
      throw new TypeError("secret document text");
    });
    const services = await testServices({ processors: [buggy] });
    const { id } = await services.put("hello", true);
    const { processing } = await settled(services, id);
    expect(processing.error?.code).toBe("processor_failed");
    expect(JSON.stringify(processing)).not.toContain("secret");
  });

  test("retries a temporary error later, and gives up after the last attempt", async () => {
    let runs = 0;
    const services = await testServices({
      processors: [shout],
      maxAttempts: 3,
      extract: async () => {
        runs += 1;
        throw new StowageError("extractor_crashed", "Cannot process document: its process died", {
          retryable: true,
        });
      },
    });
    const { id } = await services.put("hello", true);
    services.worker.start();
    for (const attempt of [1, 2]) {
      await expect
        .poll(async () => await services.uploads.get(ACME, id))
        .toMatchObject({
          status: "queued",
          processing: { attempts: attempt, error: { code: "extractor_crashed" } },
        });
      await services.worker.idle();
      // Not before it is due.
      services.queue.wake();
      await services.worker.idle();
      expect(runs).toBe(attempt);
      services.clock.advance(60_000);
      services.queue.wake();
    }
    expect(await settled(services, id)).toMatchObject({
      status: "failed",
      processing: { attempts: 3, error: { code: "extractor_crashed", retryable: true } },
    });
    expect(runs).toBe(3);
  });

  test("never gives up on a document that could not be processed at all", async () => {
    let works = false;
    const services = await testServices({
      processors: [shout],
      maxAttempts: 2,
      extract: async () => {
        if (works) return { output: {}, text: "READ" };
        throw new StowageError("extractor_unavailable", "Cannot process documents: no process", {
          retryable: true,
        });
      },
    });
    const { id } = await services.put("hello", true);
    services.worker.start();
    for (let round = 0; round < 5; round += 1) {
      await services.worker.idle();
      expect(await services.uploads.get(ACME, id)).toMatchObject({
        status: "queued",
        processing: { attempts: 0, error: { code: "extractor_unavailable" } },
      });
      services.clock.advance(60_000);
      services.queue.wake();
    }
    works = true;
    await services.worker.idle();
    services.clock.advance(60_000);
    services.queue.wake();
    expect((await settled(services, id)).status).toBe("processed");
  });

  test("gives up without another run if every attempt crashed", async () => {
    const services = await testServices({ processors: [shout], maxAttempts: 2 });
    const { id } = await services.put("hello", true);
    for (const token of ["a", "b"]) {
      expect(
        await services.records.claim(token, services.clock.now() + 10, services.storages.ids),
      ).not.toBeNull();
      services.clock.advance(20);
    }
    expect(await settled(services, id)).toMatchObject({
      status: "failed",
      processing: { error: { code: "extractor_crashed", retryable: false } },
    });
    expect(await textKeys(services)).toEqual([]);
  });

  test("writes nothing after its job was taken over, and leaves the other worker's text", async () => {
    const started = gate();
    const goOn = Promise.withResolvers<void>();
    let first = true;
    const slow = processor("slow", async () => {
      if (!first) return { output: { run: 2 }, text: "second" };
      first = false;
      started.pass();
      await goOn.promise;
      return { output: { run: 1 }, text: "first" };
    });
    const services = await testServices({ processors: [slow] });
    const { id } = await services.put("hello", true);
    services.worker.start();
    await started.promise;
    // The worker sleeps past its lease, and the job is claimed, run and finished by another one.
    services.clock.advance(120_000);
    services.queue.wake();
    await expect.poll(async () => (await services.uploads.get(ACME, id)).status).toBe("processed");
    goOn.resolve();
    await services.worker.idle();
    const { results, upload } = await services.processing.result(ACME, id);
    expect(results).toMatchObject([{ output: { run: 2 } }]);
    expect(upload.processing.attempts).toBe(2);
    expect(await textOf((await results[0]?.openText?.()) ?? new ReadableStream())).toBe("second");
    expect(await textKeys(services)).toHaveLength(1);
  });

  test("yields to a delete, and leaves no text behind", async () => {
    const started = gate();
    const goOn = Promise.withResolvers<void>();
    const slow = processor("slow", async () => {
      started.pass();
      await goOn.promise;
      return { output: {}, text: "late" };
    });
    const services = await testServices({ processors: [slow] });
    const { id } = await services.put("hello", true);
    services.worker.start();
    await started.promise;
    await services.uploads.delete(ACME, id);
    goOn.resolve();
    await services.worker.idle();
    expect(await services.keys()).toEqual([]);
    expect(await services.rows()).toBe(0);
  });

  test("stop() hands back a running job as if it had not been claimed", async () => {
    const started = gate();
    const endless = processor("endless", (_input, { signal }) => {
      started.pass();
      return new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(new Error("stopped")));
      });
    });
    const services = await testServices({ processors: [endless] });
    const { id } = await services.put("hello", true);
    services.worker.start();
    await started.promise;
    await services.worker.stop();
    expect(await services.uploads.get(ACME, id)).toMatchObject({
      status: "queued",
      processing: { attempts: 0 },
    });
  });

  test("removes the texts of crashed attempts, and keeps the current one", async () => {
    const services = await testServices({ processors: [shout] });
    const { id } = await services.put("hello", true);
    await settled(services, id);
    await services.worker.stop();
    const [counting] = await textKeys(services);
    await services.processing.reprocess(ACME, id, null);
    const dead: string[] = [];
    for (const token of ["a", "b"]) {
      const job = await services.records.claim(
        token,
        services.clock.now() + 10,
        services.storages.ids,
      );
      dead.push(`.stowage/derived/acme/${id}/shout-${job?.upload.revision}.txt`);
      services.clock.advance(20);
    }
    for (const key of dead) {
      await services.driver.put(key as never, { kind: "bytes", bytes: new Uint8Array(1) });
    }
    // While it runs again, the current text is still there.
    const removed = gate();
    const storage = services.storages.primary;
    const save = storage.save.bind(storage);
    storage.save = async (...args) => {
      expect(await textKeys(services)).toEqual([counting]);
      removed.pass();
      return await save(...args);
    };
    services.worker.start();
    await removed.promise;
    await expect.poll(async () => (await services.uploads.get(ACME, id)).status).toBe("processed");
    await services.worker.idle();
    const { results } = await services.processing.result(ACME, id);
    expect(await textKeys(services)).toEqual([results[0]?.textKey]);
  });
});

describe("reprocess()", () => {
  test("runs once for 50 calls", async () => {
    let runs = 0;
    const counting = processor("counting", async () => {
      runs += 1;
      return { output: { runs } };
    });
    const services = await testServices({ processors: [counting] });
    const { id } = await services.put("hello");
    const calls = Array.from({ length: 50 }, () => services.processing.reprocess(ACME, id, null));
    for (const upload of await Promise.all(calls)) expect(upload.status).toBe("queued");
    await settled(services, id);
    await services.worker.idle();
    expect(runs).toBe(1);
  });

  test("replaces the text of the previous run", async () => {
    const services = await testServices({ processors: [counting()] });
    const { id } = await services.put("hello", true);
    await settled(services, id);
    await services.processing.reprocess(ACME, id, ["counting"]);
    await expect.poll(async () => (await services.uploads.get(ACME, id)).status).toBe("processed");
    await services.worker.idle();
    const { results } = await services.processing.result(ACME, id);
    expect(await textOf((await results[0]?.openText?.()) ?? new ReadableStream())).toBe("run 2");
    expect(await textKeys(services)).toHaveLength(1);
  });

  test("of some processors leaves the upload failed while another one's latest result is a failure", async () => {
    let readable = false;
    const moody = processor("moody", async () => {
      if (readable) return { output: {} };
      throw new StowageError("document_has_no_text", "Cannot find text: its pages hold images");
    });
    const services = await testServices({ processors: [moody, shout] });
    const { id } = await services.put("hello", true);
    const error = { code: "document_has_no_text" };
    const run = async (names: readonly string[] | null) => {
      await services.processing.reprocess(ACME, id, names);
      const upload = await settled(services, id);
      await services.worker.idle();
      const { results } = await services.processing.result(ACME, id);
      return { status: upload.status, error: upload.processing.error, of: results.map(statusOf) };
    };
    const statusOf = ({ name, status }: { name: string; status: string }) => `${name} ${status}`;
    expect(await run(null)).toMatchObject({ status: "failed", error });
    const of = ["moody failed", "shout processed"];
    expect(await run(["shout"])).toMatchObject({ status: "failed", error, of });
    readable = true;
    expect(await run(["moody"])).toMatchObject({ status: "processed", error: null });
    expect(await run(["shout"])).toMatchObject({ status: "processed", error: null });
  });

  test("of all processors ignores the failure of one that no longer exists", async () => {
    const services = await testServices({ processors: [shout] });
    const { id } = await services.put("hello", true);
    const job = await services.records.claim("t", services.clock.now() + 10, services.storages.ids);
    if (job === null) expect.unreachable();
    const error = {
      code: "processor_failed" as const,
      detail: "Processor gone failed",
      retryable: false,
    };
    const gone = { name: "gone", version: "1", output: null, textKey: null, durationMs: 1, error };
    await services.records.finishJob(job, {
      status: "failed",
      error,
      results: [{ ...gone, status: "failed" }],
    });
    await services.processing.reprocess(ACME, id, null);
    expect(await settled(services, id)).toMatchObject({ status: "processed" });
  });

  test("result() opens the text of a run that has just replaced the one it read", async () => {
    const services = await testServices({ processors: [counting()] });
    const { id } = await services.put("hello", true);
    await settled(services, id);
    await services.worker.idle();
    const { results } = await services.processing.result(ACME, id);
    await services.processing.reprocess(ACME, id, null);
    await expect.poll(async () => (await services.uploads.get(ACME, id)).status).toBe("processed");
    await services.worker.idle();
    expect(await textOf((await results[0]?.openText?.()) ?? new ReadableStream())).toBe("run 2");
  });

  test("refuses unknown processors and those that do not read the type", async () => {
    const services = await testServices({ processors: [shout] });
    const text = await services.put("hello");
    const pdf = await services.put("%PDF-1.7\n");
    const refused = { code: "unknown_processor" };
    const { processing } = services;
    await expect(processing.reprocess(ACME, text.id, ["nope"])).rejects.toMatchObject(refused);
    await expect(processing.reprocess(ACME, pdf.id, ["shout"])).rejects.toMatchObject(refused);
  });

  test("gives up with upload_conflict when the upload changes at every try", async () => {
    let tries = 0;
    const services = await testServices({
      processors: [shout],
      tamperRecords: (records) => ({
        async requeue(tenant, id) {
          tries += 1;
          const upload = await records.find(tenant, id);
          if (upload === null) expect.unreachable();
          return { upload: { ...upload, revision: upload.revision + 1 }, queued: false };
        },
      }),
    });
    const { id } = await services.put("hello");
    await expect(services.processing.reprocess(ACME, id, null, () => {})).rejects.toMatchObject({
      code: "upload_conflict",
      retryable: true,
    });
    expect(tries).toBe(20);
  });

  test("does not find another tenant's upload", async () => {
    const services = await testServices({ processors: [shout] });
    const { id } = await services.put("hello");
    const missing = { code: "upload_not_found" };
    await expect(services.processing.reprocess(OTHER, id, null)).rejects.toMatchObject(missing);
    await expect(services.processing.result(OTHER, id)).rejects.toMatchObject(missing);
  });
});
