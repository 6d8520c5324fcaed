import { expect, test } from "vitest";
import { BoundedMap } from "../../src/domain/bounded-map.ts";

test("a full map drops the entry that was set longest ago", () => {
  const map = new BoundedMap<string, number>(2);
  map.set("a", 1);
  map.set("b", 2);
  map.set("a", 3);
  map.set("c", 4);
  expect(["a", "b", "c"].map((key) => map.get(key))).toEqual([3, undefined, 4]);
  map.delete("a");
  expect([map.has("a"), map.has("c")]).toEqual([false, true]);
});
