import { describe, expect, test } from "vitest";
import { pattern } from "../../../drivers/conformance/sources.ts";
import { deleteObjects } from "../../../drivers/s3/delete.ts";
import { getObject } from "../../../drivers/s3/get.ts";
import { headObject } from "../../../drivers/s3/head.ts";
import { listObjects } from "../../../drivers/s3/list.ts";
import { multipartGroup } from "../../../drivers/s3/multipart/multipart.ts";
import { createUpload } from "../../../drivers/s3/multipart/uploads.ts";
import { putObject } from "../../../drivers/s3/put.ts";
import { type Body, parseObjectKey } from "../../../src/driver.ts";
import { fault } from "../../s3/strict-server.ts";
import { PART, type StrictBucket, strictServer } from "./strict-storage.ts";

const KEY = parseObjectKey("tenant/upload/file.pdf");
const makeBucket = strictServer();

async function readAll(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A body that can be read once. */
function once(bytes: Uint8Array): Body {
  return {
    kind: "once",
    stream: (async function* () {
      yield bytes;
    })(),
  };
}

/** Refuse the first `count` requests of each action. */
function throttle({ server }: StrictBucket, count: number, status = 503, code = "SlowDown"): void {
  const refused = new Map<string, number>();
  server.faults.add({
    action: "*",
    when({ action = "" }) {
      const times = (refused.get(action) ?? 0) + 1;
      refused.set(action, times);
      return times <= count;
    },
    do: fault.answer(status, code),
  });
}

describe("a store that throttles", () => {
  test.each([
    [503, "SlowDown"],
    [429, "TooManyRequests"],
  ])("with %i %s six times in a row gets each kind of request again", async (status, code) => {
    const place = await makeBucket();
    const { store } = place;
    const small = parseObjectKey("small");
    throttle(place, 6, status, code);
    await putObject(store, small, once(pattern(10)));
    await putObject(store, KEY, once(pattern(3 * PART + 1)));
    expect((await headObject(store, KEY))?.sizeBytes).toBe(3 * PART + 1);
    expect(await readAll((await getObject(store, KEY)).stream)) //
      .toEqual(Buffer.from(pattern(3 * PART + 1)));
    expect((await listObjects(store, "")).objects).toHaveLength(2);
    expect(await deleteObjects(store, [small])).toEqual({ failures: [] });
    expect(await deleteObjects(store, [small, KEY])).toEqual({ failures: [] });
    expect(place.server.objects(place.bucket)).toEqual([]);
    await multipartGroup(store).abort(KEY, await createUpload(store, KEY));
    expect(place.server.uploadsInProgress(place.bucket)).toEqual([]);
  });

  test("loses none of 100 uploads at once when it refuses three of ten requests", async () => {
    const place = await makeBucket();
    const driver = await place.open();
    let count = 0;
    place.server.faults.add({
      action: "*",
      when() {
        count += 1;
        return count % 10 < 3;
      },
      do: fault.answer(503, "SlowDown"),
    });
    await Promise.all(
      Array.from({ length: 100 }, (_, n) => driver.put(parseObjectKey(`${n}`), once(pattern(100)))),
    );
    expect(place.server.objects(place.bucket)).toHaveLength(100);
    expect(count).toBeLessThan(200);
  });
});

test.each([
  ["before their first byte", 0],
  ["in their middle", 30_000],
])("100 downloads come whole although half of all answers break off %s", async (_where, afterBytes) => {
  const place = await makeBucket();
  const driver = await place.open();
  const bytes = pattern(100_000);
  await driver.put(KEY, { kind: "bytes", bytes });
  let count = 0;
  place.server.faults.add({
    action: "GetObject",
    when() {
      count += 1;
      return count % 2 === 0;
    },
    do: fault.truncateBody(afterBytes),
  });
  const downloads = Array.from({ length: 100 }, async () => {
    expect((await readAll((await driver.get(KEY)).stream)).equals(bytes)).toBe(true);
  });
  await Promise.all(downloads);
});
