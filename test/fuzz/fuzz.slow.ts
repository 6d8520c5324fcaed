import { expect, test } from "vitest";
import { fuzz } from "./fuzz.ts";

test("20,000 spoilt requests do a server no harm", async () => {
  // Told, so that what it finds can be had again with `npm run fuzz`.
  const seed = Math.floor(Math.random() * 1e9);
  const report = await fuzz({ seed, requests: 20_000, connections: 32 });
  expect({ seed, findings: report.findings }).toEqual({ seed, findings: [] });
  expect(report.requests).toBe(20_000);
});
