import { expect, test } from "vitest";
import { fuzz } from "./fuzz.ts";

test("20,000 spoilt requests do a server no harm", async () => {
  // The same for everyone, so that a change is judged by what it does; `npm run fuzz` draws others.
  const seed = Number(process.env["FUZZ_SEED"] ?? 20_261_124);
  const report = await fuzz({ seed, requests: 20_000, connections: 32 });
  expect({ seed, findings: report.findings }).toEqual({ seed, findings: [] });
  expect(report.requests).toBe(20_000);
});
