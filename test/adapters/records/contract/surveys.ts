import { expect, it } from "vitest";
import type { SurveyFilter } from "../../../../src/domain/ports/upkeep-records.ts";
import type { Upload } from "../../../../src/domain/upload.ts";
import { ACME, type Bench, claim, GLOBEX, queue, START, setStatus, store } from "../bench.ts";

export function surveysContract(bench: () => Bench): void {
  const ids = async (filter: SurveyFilter, limit = 100, after: Upload | null = null) => {
    const page = { limit, after: after?.id ?? null };
    return (await bench().records.survey(filter, page)).map(({ id }) => id);
  };

  it("survey() returns the uploads of all tenants by id, page by page", async () => {
    const first = await store(bench());
    const second = await store(bench(), { tenant: GLOBEX });
    const third = await store(bench());
    await queue(bench());
    const stored = { statuses: ["stored"] } as const;
    expect(await ids(stored, 2)).toEqual([first.id, second.id]);
    expect(await ids(stored, 2, second)).toEqual([third.id]);
    expect(await ids(stored, 2, third)).toEqual([]);
    // Uploads that change meanwhile are not returned twice and do not shift the others.
    await setStatus(bench(), first, "failed");
    expect(await ids({ statuses: ["stored", "failed"] }, 9, first)).toEqual([second.id, third.id]);
  });

  it("survey() and tally() filter by tenant, storage and times", async () => {
    const ours = await store(bench());
    bench().clock.advance(1_000);
    const theirs = await store(bench(), { tenant: GLOBEX, storageId: "storage-2" });
    const cases: [Partial<SurveyFilter>, Upload[]][] = [
      [{}, [ours, theirs]],
      [{ tenant: ACME }, [ours]],
      [{ storageIds: ["storage-2"] }, [theirs]],
      [{ storageIds: [] }, []],
      [{ createdAfter: START + 1 }, [theirs]],
      [{ createdBefore: START }, [ours]],
      [{ finishedAfter: 0 }, []],
    ];
    for (const [part, expected] of cases) {
      const filter = { statuses: ["stored"], ...part } as const;
      expect(await ids(filter)).toEqual(expected.map(({ id }) => id));
      expect((await bench().records.tally(filter)).get("stored") ?? 0).toBe(expected.length);
    }
  });

  it("tally() counts each requested status, and what has ended since", async () => {
    await store(bench());
    await queue(bench());
    await queue(bench(), { tenant: GLOBEX });
    const job = await claim(bench(), "t");
    const waiting = { statuses: ["queued", "processing"] } as const;
    expect(await bench().records.tally(waiting)).toEqual(
      new Map([
        ["queued", 1],
        ["processing", 1],
      ]),
    );
    bench().clock.advance(5);
    await bench().records.finishJob(job, { status: "processed", error: null, results: [] });
    const ended = (finishedAfter: number) =>
      bench().records.tally({ statuses: ["processed", "failed"], finishedAfter });
    expect(await ended(START + 5)).toEqual(new Map([["processed", 1]]));
    expect(await ended(START + 6)).toEqual(new Map());
  });
}
