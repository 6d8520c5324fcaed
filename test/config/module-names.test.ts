import { expect, test } from "vitest";
import { loadConfig } from "../../src/config.ts";

test("STOWAGE_DRIVERS is, as STOWAGE_PROCESSORS, a list of packages and files, each named once", () => {
  const names = [
    ...["stowage-driver-acme", "@acme/drivers", "@acme/drivers/tape", "acme/tape.js"],
    ...["./acme.ts", "../acme.ts", "/opt/acme drivers/a.js", "file:///opt/acme.js", "C:\\acme.js"],
  ];
  const { drivers } = loadConfig({ STOWAGE_DRIVERS: `${names.join(" , ")},, ./acme.ts` });
  expect(drivers).toEqual(names);
  expect(loadConfig({}).drivers).toEqual([]);
  const { processors, warnings } = loadConfig({ STOWAGE_PROCESSORS: "./a.ts,b" });
  expect([processors, warnings]).toEqual([["./a.ts", "b"], []]);
});

test.each([
  "https://example.com/driver.js",
  "./acme.ts,http://127.0.0.1/driver.js",
  "npm:stowage-driver-acme",
  "jsr:@acme/driver",
  "node:fs",
  "data:text/javascript,export default 1",
])("STOWAGE_DRIVERS refuses %s: nothing is loaded over the network", (text) => {
  expect(() => loadConfig({ STOWAGE_DRIVERS: text })).toThrow(
    `STOWAGE_DRIVERS: read ${JSON.stringify(text)}, expected modules installed on this machine: nothing is loaded`,
  );
});

test.each([
  "file://server/share/acme.js",
  "@acme",
  "a b",
  ".acme",
  "%61cme",
  "acme//x",
])("STOWAGE_DRIVERS refuses %s", (text) => {
  expect(() => loadConfig({ STOWAGE_DRIVERS: text })).toThrow(
    "expected package names or file paths",
  );
});

test("STOWAGE_DRIVERS is refused on Workers, which load nothing by name", () => {
  expect(() => loadConfig({ STOWAGE_DRIVERS: "acme" }, { runtime: "workers" })).toThrow(
    'STOWAGE_DRIVERS: read "acme", expected nothing on Workers: import the driver and pass it to createStowage({ drivers })',
  );
});

test("STOWAGE_PROCESSORS is refused on Workers and over the network", () => {
  const env = { STOWAGE_PROCESSORS: "acme" };
  expect(() => loadConfig(env, { runtime: "workers" })).toThrow(
    'STOWAGE_PROCESSORS: read "acme", expected nothing on Workers',
  );
  expect(() => loadConfig({ STOWAGE_PROCESSORS: "https://a.example/p.js" })).toThrow(
    "nothing is loaded over the network",
  );
});
