import { expect, test } from "vitest";
import { testServices } from "../../support/services.ts";

test("deleteAll() goes on behind a page that is empty", async () => {
  const services = await testServices({
    tamper: (driver) => ({
      // As S3 does behind many delete markers.
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
