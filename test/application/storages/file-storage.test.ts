import { expect, test } from "vitest";
import { testServices } from "../../support/services.ts";

test("deleteAll() continues after an empty page", async () => {
  const services = await testServices({
    tamper: (driver) => ({
      // S3 returns such pages if there are many delete markers.
      list: async (prefix, { cursor, ...options } = {}) =>
        cursor === undefined
          ? { objects: [], next: "further" }
          : await driver.list(prefix, options),
    }),
  });
  await services.put("one");
  await services.put("two");
  await services.storages.primary.deleteAll("acme/");
  expect(await services.keys()).toEqual([]);
});
