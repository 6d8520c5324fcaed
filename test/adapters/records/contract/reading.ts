import { expect, it } from "vitest";
import { parseFilename } from "../../../../src/domain/filename.ts";
import type { ListFilter, ListPosition } from "../../../../src/domain/ports/records.ts";
import {
  ACME,
  adopt,
  type Bench,
  claim,
  dump,
  GLOBEX,
  manyUploads,
  newUpload,
  queue,
  reserve,
  result,
  START,
  setStatus,
  store,
  TROUBLE,
} from "../bench.ts";

export function readingContract(bench: () => Bench): void {
  const names = async (filter: ListFilter) => {
    const page = await bench().records.list(ACME, filter, { limit: 100, after: null });
    return page.uploads.map((upload) => upload.filename);
  };

  it("find() accepts our own id in any case, and a former id only exactly", async () => {
    const upload = await store(bench());
    await adopt(bench(), upload, "Old-Id 7");
    const adopted = { ...upload, externalId: "Old-Id 7" };
    expect(await bench().records.find(ACME, upload.id)).toEqual(adopted);
    expect(await bench().records.find(ACME, upload.id.toUpperCase())).toEqual(adopted);
    expect(await bench().records.find(ACME, "Old-Id 7")).toEqual(adopted);
    expect(await bench().records.find(ACME, "old-id 7")).toBeNull();
    expect(await bench().records.find(ACME, "")).toBeNull();
  });

  it("find() prefers our own id to an equal former id", async () => {
    const upload = await store(bench());
    const adopted = await store(bench());
    await adopt(bench(), adopted, upload.id);
    expect((await bench().records.find(ACME, upload.id))?.id).toBe(upload.id);
    const oldIdOfOurForm = newUpload(bench()).id;
    await adopt(bench(), adopted, oldIdOfOurForm);
    expect((await bench().records.find(ACME, oldIdOfOurForm))?.id).toBe(adopted.id);
  });

  it("two tenants may have uploads with the same former id", async () => {
    const ours = await store(bench());
    const theirs = await store(bench(), { tenant: GLOBEX });
    await adopt(bench(), ours, "42");
    await adopt(bench(), theirs, "42");
    expect((await bench().records.find(ACME, "42"))?.id).toBe(ours.id);
    expect((await bench().records.find(GLOBEX, "42"))?.id).toBe(theirs.id);
  });

  it("no method finds or changes another tenant's uploads", async () => {
    const upload = await queue(bench());
    await bench().records.finishJob(await claim(bench(), "t"), {
      status: "processed",
      error: null,
      results: [result("text")],
    });
    await adopt(bench(), upload, "42");
    const before = await dump(bench());
    const { records } = bench();
    expect(await records.find(GLOBEX, upload.id)).toBeNull();
    expect(await records.find(GLOBEX, "42")).toBeNull();
    expect(await records.list(GLOBEX, {}, { limit: 10, after: null })).toEqual({
      uploads: [],
      next: null,
    });
    expect(await records.events(GLOBEX, upload.id, 0, 10)).toEqual([]);
    expect(await records.results(GLOBEX, upload.id)).toEqual([]);
    expect(await records.requeue(GLOBEX, upload.id, ["text"])).toBeNull();
    expect(await records.beginDelete(GLOBEX, upload.id)).toBeNull();
    expect(await dump(bench())).toBe(before);
    // The same calls find it for its own tenant.
    expect(await records.events(ACME, upload.id, 0, 10)).toHaveLength(3);
    expect(await records.results(ACME, upload.id)).toHaveLength(1);
    expect(await records.requeue(ACME, upload.id, ["text"])).not.toBeNull();
    expect(await records.beginDelete(ACME, upload.id)).not.toBeNull();
  });

  it("list() returns newest first, by id within a millisecond", async () => {
    const all: string[] = [];
    for (let index = 0; index < 7; index++) {
      all.unshift((await store(bench())).id);
      if (index % 3 === 2) bench().clock.advance(1);
    }
    const seen: string[] = [];
    let after: ListPosition | null = null;
    do {
      const page = await bench().records.list(ACME, {}, { limit: 3, after });
      seen.push(...page.uploads.map((upload) => upload.id));
      after = page.next;
    } while (after !== null);
    expect(seen).toEqual(all);
  });

  it("list() ends without a next position when the last page is full", async () => {
    await store(bench());
    await store(bench());
    const page = await bench().records.list(ACME, {}, { limit: 2, after: null });
    expect(page.uploads).toHaveLength(2);
    expect(page.next).toBeNull();
  });

  it("list() returns lasting uploads exactly once while others are added and deleted", async () => {
    const staying = new Set<string>();
    const leaving: string[] = [];
    for (let index = 0; index < 12; index++) {
      const upload = await store(bench());
      if (index % 3 === 0) leaving.push(upload.id);
      else staying.add(upload.id);
      bench().clock.advance(1);
    }
    const seen: string[] = [];
    let after: ListPosition | null = null;
    do {
      const page = await bench().records.list(ACME, {}, { limit: 2, after });
      seen.push(...page.uploads.map((upload) => upload.id));
      after = page.next;
      await store(bench());
      const victim = await bench().records.find(ACME, leaving.pop() ?? "");
      if (victim !== null) {
        await bench().records.beginDelete(ACME, victim.id);
        await bench().records.finishDelete(victim, null);
      }
    } while (after !== null);
    expect(seen.filter((id) => staying.has(id)).sort()).toEqual([...staying].sort());
  });

  it("list() returns uploading only on request, and deleting never", async () => {
    const stored = await store(bench());
    const uploading = await reserve(bench());
    const deleting = await store(bench());
    await bench().records.beginDelete(ACME, deleting.id);
    const ids = async (filter: ListFilter) =>
      (await bench().records.list(ACME, filter, { limit: 9, after: null })).uploads.map(
        ({ id }) => id,
      );
    expect(await ids({})).toEqual([stored.id]);
    expect(await ids({ status: "uploading" })).toEqual([uploading.id]);
    expect(await ids({ status: "stored" })).toEqual([stored.id]);
    expect(await ids({ status: "deleting" as "stored" })).toEqual([]);
  });

  it("list() filters by status and by time, both ends included", async () => {
    for (const name of ["a", "b", "c"]) {
      await store(bench(), { name });
      bench().clock.advance(10);
    }
    await queue(bench(), { name: "d" });
    expect(await names({ status: "queued" })).toEqual(["d"]);
    expect(await names({ createdAfter: START + 10, createdBefore: START + 20 })).toEqual([
      "c",
      "b",
    ]);
    expect(await names({ status: "stored", createdAfter: START + 11 })).toEqual(["c"]);
  });

  it("list() compares filename prefixes exactly, whatever their characters", async () => {
    const all = ["Cv.pdf", "cv.pdf", "c%.pdf", "c_x.pdf", "💾disk", "💿disk", "é.pdf", "�.pdf"];
    const long = "ü".repeat(100);
    for (const name of [...all, long]) await store(bench(), { name });
    const expected = (prefix: string) =>
      [...all, long].filter((name) => parseFilename(name).startsWith(prefix)).reverse();
    const prefixes = ["", "c", "C", "c%", "c_", "cv.pdf", "cv.pdfx", "💾", "é", "e", "�", long];
    for (const prefix of prefixes) {
      expect(await names({ filenamePrefix: prefix }), prefix).toEqual(expected(prefix));
    }
    for (const unheardOf of ["\ud83d", "c\0", "\uffff"]) {
      expect(await names({ filenamePrefix: unheardOf })).toEqual([]);
    }
  });

  it("list() with a frequent prefix returns the newest first, page by page", async () => {
    const { records, executor } = bench();
    const old = await store(bench(), { name: "rare.pdf" });
    bench().clock.advance(1);
    await manyUploads(executor, { count: 5_000, from: START + 1, name: "common-" });
    const filter = { filenamePrefix: "com", createdBefore: START + 4_000 };
    const first = await records.list(ACME, filter, { limit: 2, after: null });
    expect(first.uploads.map(({ filename }) => filename)).toEqual(["common-3999", "common-3998"]);
    const second = await records.list(ACME, filter, { limit: 2, after: first.next });
    expect(second.uploads.map(({ filename }) => filename)).toEqual(["common-3997", "common-3996"]);
    expect(await names({ filenamePrefix: "rar" })).toEqual(["rare.pdf"]);
    expect(await names({ filenamePrefix: "common-42", status: "failed" })).toEqual([]);
    await records.beginDelete(ACME, old.id);
    expect(await names({ filenamePrefix: "rar" })).toEqual([]);
  });

  it("revisions() returns the revisions of many uploads, without deleted ones", async () => {
    const { records } = bench();
    const stored = await store(bench());
    const queued = await queue(bench(), { tenant: GLOBEX });
    const deleting = await store(bench());
    await records.beginDelete(ACME, deleting.id);
    const missing = Array.from({ length: 200 }, () => newUpload(bench()).id);
    await claim(bench(), "t1");
    const ids = [stored.id, ...missing, deleting.id, queued.id];
    expect(await records.revisions(ids)).toEqual(
      new Map([
        [stored.id, 2],
        [queued.id, 3],
      ]),
    );
    expect(await records.revisions([])).toEqual(new Map());
  });

  it("events() returns the attempts and the error of every step", async () => {
    const { records, clock } = bench();
    const upload = await queue(bench());
    await records.retryJob(await claim(bench(), "t1"), START, TROUBLE);
    await records.handBackJob(await claim(bench(), "t2"));
    const done = { status: "processed", error: null, results: [] } as const;
    await records.finishJob(await claim(bench(), "t3"), done);
    clock.advance(5);
    await records.requeue(ACME, upload.id, ["text"]);
    await records.finishJob(await claim(bench(), "t4"), {
      ...done,
      status: "failed",
      error: TROUBLE,
    });
    const events = await records.events(ACME, upload.id, 0, 20);
    const history = events.map(({ type, attempts, error }) => [
      type,
      attempts,
      error?.code ?? null,
    ]);
    expect(history).toEqual([
      ["upload.queued", 0, null],
      ["upload.processing", 1, null],
      ["upload.queued", 1, TROUBLE.code],
      ["upload.processing", 2, TROUBLE.code],
      ["upload.queued", 1, TROUBLE.code],
      ["upload.processing", 2, TROUBLE.code],
      ["upload.processed", 2, null],
      ["upload.queued", 0, null],
      ["upload.processing", 1, null],
      ["upload.failed", 1, TROUBLE.code],
    ]);
    expect(events.at(-1)?.error).toEqual(TROUBLE);
  });

  it("events() continues after a revision, in order, up to a limit", async () => {
    const upload = await queue(bench());
    await bench().records.handBackJob(await claim(bench(), "t1"));
    await claim(bench(), "t2");
    const all = await bench().records.events(ACME, upload.id, 0, 10);
    expect(all.map((event) => event.type)).toEqual([
      "upload.queued",
      "upload.processing",
      "upload.queued",
      "upload.processing",
    ]);
    expect(all.map((event) => event.revision)).toEqual([2, 3, 4, 5]);
    const [first, second] = all;
    expect(await bench().records.events(ACME, upload.id, first?.revision ?? -1, 1)).toEqual([
      second,
    ]);
  });

  it("storageUsage() counts the uploads of every storage, with its latest URI", async () => {
    await store(bench());
    await store(bench());
    await store(bench(), { storageId: "storage-2" });
    await bench().records.noteStorage("storage-1", "local:./old");
    await bench().records.noteStorage("storage-1", "local:./new");
    await bench().records.noteStorage("storage-3", "memory:");
    expect(await bench().records.storageUsage()).toEqual([
      { storageId: "storage-1", display: "local:./new", uploads: 2 },
      { storageId: "storage-2", display: "storage-2", uploads: 1 },
    ]);
  });

  it("dropStorage() removes all uploads of one storage, and nothing else", async () => {
    const gone = await store(bench());
    const kept = await store(bench(), { storageId: "storage-2" });
    await bench().records.noteStorage("storage-1", "memory:");
    expect(await bench().records.dropStorage("storage-1")).toBe(1);
    expect(await bench().records.find(ACME, gone.id)).toBeNull();
    expect(await bench().records.events(ACME, gone.id, 0, 10)).toEqual([]);
    expect(await bench().records.find(ACME, kept.id)).not.toBeNull();
    expect(await bench().records.dropStorage("storage-1")).toBe(0);
  });

  it("check() passes if the database accepts writes", async () => {
    await bench().records.check();
    await bench().records.check();
  });

  it("find() and results() return quarantined uploads as usual, and deleting ones never", async () => {
    const upload = await queue(bench());
    await bench().records.finishJob(await claim(bench(), "t"), {
      status: "processed",
      error: null,
      results: [result("text")],
    });
    await setStatus(bench(), upload, "quarantined");
    expect((await bench().records.find(ACME, upload.id))?.status).toBe("quarantined");
    await bench().records.beginDelete(ACME, upload.id);
    expect(await bench().records.find(ACME, upload.id)).toBeNull();
    expect(await bench().records.results(ACME, upload.id)).toEqual([]);
  });
}
