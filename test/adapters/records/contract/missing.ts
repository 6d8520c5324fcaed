import { expect, it } from "vitest";
import type { Upload } from "../../../../src/domain/upload.ts";
import {
  ACME,
  type Bench,
  eventTypes,
  GLOBEX,
  newUpload,
  reserve,
  START,
  STORAGES,
  setStatus,
  store,
} from "../bench.ts";

export function missingContract(bench: () => Bench): void {
  const ids = async (storageId: string, limit = 100, after: Upload | null = null) => {
    const page = { limit, after: after?.id ?? null };
    return (await bench().records.missingFiles(storageId, page)).map(({ id }) => id);
  };

  it("noteMissing() returns true if the mark has changed, and changes nothing else", async () => {
    const { records, clock } = bench();
    const upload = await store(bench());
    expect(upload.missingSince).toBeNull();
    clock.advance(5);
    expect(await records.noteMissing(upload, false)).toBe(false);
    expect(await records.noteMissing(upload, true)).toBe(true);
    clock.advance(5);
    expect(await records.noteMissing(upload, true)).toBe(false);
    // Callers see no change.
    const marked = { ...upload, missingSince: START + 5 };
    expect(await records.find(ACME, upload.id)).toEqual(marked);
    expect(await records.noteMissing(marked, false)).toBe(true);
    expect(await records.noteMissing(marked, false)).toBe(false);
    expect(await records.find(ACME, upload.id)).toEqual(upload);
    expect(await eventTypes(bench(), upload)).toEqual(["stored"]);
  });

  it("noteMissing() returns true for one of many concurrent calls", async () => {
    const upload = await store(bench());
    const marks = Array.from({ length: 8 }, () => bench().records.noteMissing(upload, true));
    expect((await Promise.all(marks)).filter((isNew) => isNew)).toHaveLength(1);
  });

  it("noteMissing() does not change uploads that are deleted, moved or not stored yet", async () => {
    const { records } = bench();
    const upload = await store(bench());
    expect(await records.noteMissing({ ...upload, tenant: GLOBEX }, true)).toBe(false);
    expect(await records.noteMissing({ ...upload, storageId: "storage-2" }, true)).toBe(false);
    expect(await records.noteMissing({ ...upload, key: newUpload(bench()).key }, true)).toBe(false);
    const arriving = await reserve(bench());
    expect(await records.noteMissing({ ...upload, ...arriving }, true)).toBe(false);
    await setStatus(bench(), upload, "deleting");
    expect(await records.noteMissing(upload, true)).toBe(false);
    expect(await records.countMissing()).toEqual(new Map());
  });

  it("missingFiles() and countMissing() are per storage, and leave out deleted uploads", async () => {
    const { records } = bench();
    const uploads: Upload[] = [];
    for (const tenant of [ACME, GLOBEX, ACME]) uploads.push(await store(bench(), { tenant }));
    const [first, second, third] = uploads as [Upload, Upload, Upload];
    const elsewhere = await store(bench(), { storageId: "storage-2" });
    await store(bench());
    for (const upload of [...uploads, elsewhere]) await records.noteMissing(upload, true);
    const [here = ""] = STORAGES;
    expect(first.storageId).toBe(here);
    expect(await ids(here)).toEqual([first.id, second.id, third.id]);
    expect(await ids(here, 2)).toEqual([first.id, second.id]);
    expect(await ids(here, 2, second)).toEqual([third.id]);
    expect(await ids("storage-2")).toEqual([elsewhere.id]);
    expect(await records.countMissing()).toEqual(
      new Map([
        [here, 3],
        ["storage-2", 1],
      ]),
    );
    await records.beginDelete(ACME, first.id);
    expect(await ids(here)).toEqual([second.id, third.id]);
    expect((await records.countMissing()).get(here)).toBe(2);
  });
}
