import { describe, expect, test } from "vitest";
import { pattern } from "../../../drivers/conformance/sources.ts";
import { isStowageError, parseObjectKey, type StorageDriver } from "../../../src/driver.ts";
import { fault } from "../../s3/strict-server.ts";
import { type StrictBucket, strictServer } from "./strict-storage.ts";

const KEY = parseObjectKey("file");
const SMALL = { kind: "bytes", bytes: pattern(100) } as const;
const makeBucket = strictServer();

/** @returns How many of so many calls, so many at once, were lost. */
async function run(
  calls: number,
  atOnce: number,
  call: (n: number) => Promise<unknown>,
): Promise<number> {
  let begun = 0;
  let lost = 0;
  const worker = async (): Promise<void> => {
    while (begun < calls) {
      begun += 1;
      await call(begun).catch((error: unknown) => {
        if (!isStowageError(error)) throw error;
        lost += 1;
      });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return lost;
}

const put = (driver: StorageDriver) => (n: number) => driver.put(parseObjectKey(`${n}`), SMALL);

test.each([
  8, 100, 1000,
])("a store that throttles three of ten requests loses none of 1,000 uploads, %i at once", async (atOnce) => {
  const place = await makeBucket();
  const driver = await place.open();
  const throttling = place.server.faults.add({
    action: "*",
    when: () => Math.random() < 0.3,
    do: fault.answer(503, "SlowDown"),
  });
  expect(await run(1000, atOnce, put(driver))).toBe(0);
  expect(throttling.hits).toBeGreaterThan(300);
  expect(place.server.objects(place.bucket)).toHaveLength(1000);
});

test.each([
  ["before its head", fault.closeBeforeAnswer("reset"), 0.5],
  ["before its first byte", fault.truncateBody(0), 0.5],
  ["in its middle", fault.resetBody(100_000), 0.5],
  ["in its middle, each one", fault.truncateBody(100_000), 1],
])("100 downloads are whole when half of all answers break off %s", async (_where, broken, share) => {
  const place = await makeBucket();
  const driver = await place.open();
  const bytes = pattern(300_000);
  await driver.put(KEY, { kind: "bytes", bytes });
  place.server.faults.add({
    action: "GetObject",
    when: () => Math.random() < share,
    do: broken,
  });
  const lost = await run(100, 100, async () => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of (await driver.get(KEY)).stream) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
  });
  expect(lost).toBe(0);
});

function requestsOf({ server, bucket }: StrictBucket): number {
  return server.requests.filter((seen) => seen.bucket === bucket).length;
}

describe.each([
  ["answers SlowDown", fault.answer(503, "SlowDown")],
  ["answers InternalError", fault.answer(500, "InternalError")],
  ["resets each connection", fault.closeBeforeAnswer("reset")],
])("a store that %s for ever", (_what, down) => {
  test.each([
    1, 20, 500,
  ])("gets 1.2 attempts of each upload at most, %i at once, and all that follow its recovery", async (atOnce) => {
    const place = await makeBucket();
    const driver = await place.open();
    expect(await run(100, 20, put(driver))).toBe(0);
    const before = requestsOf(place);
    const outage = place.server.faults.add({ action: "*", do: down });
    expect(await run(500, atOnce, put(driver))).toBe(500);
    expect((requestsOf(place) - before) / 500).toBeLessThanOrEqual(1.2);
    outage.remove();
    expect(await run(100, 20, put(driver))).toBe(0);
  });
});
