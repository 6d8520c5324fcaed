import { expect, test } from "vitest";
import { ownKey, parseObjectKey } from "../../../src/driver.ts";
import { strictServer } from "./strict-storage.ts";

const makeBucket = strictServer();
const IDENTITY = ownKey("storage.json");
const bytes = new Uint8Array([1]);

test("check() at a quick is one HEAD, and writes nothing", async () => {
  const place = await makeBucket();
  const driver = await place.open();
  await driver.put(IDENTITY, { kind: "bytes", bytes });
  const before = place.actions().length;
  expect(await driver.check({ quick: true })).toEqual({
    healthy: true,
    steps: [{ name: "read", ok: true }],
  });
  expect(place.actions().slice(before)).toEqual(["HeadObject"]);
});

test("check() at a quick looks closely where the storage's identity is gone", async () => {
  const place = await makeBucket();
  const driver = await place.open();
  await driver.put(parseObjectKey("a/b/c"), { kind: "bytes", bytes });
  const { steps } = await driver.check({ quick: true });
  expect(steps.map(({ name }) => name)).toEqual(["write", "read", "list", "delete"]);
});

test("check() at a quick says what a storage answers that has gone bad", async () => {
  const place = await makeBucket();
  const driver = await place.open();
  await driver.put(IDENTITY, { kind: "bytes", bytes });
  place.server.access.deny("s3:GetObject");
  expect(await driver.check({ quick: true })).toMatchObject({
    healthy: false,
    steps: [{ name: "read", ok: false, error: { code: "storage_access_denied" } }],
  });
});
