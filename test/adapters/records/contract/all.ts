import { describe } from "vitest";
import type { Bench } from "../bench.ts";
import { apiKeysContract } from "./api-keys.ts";
import { deletionsContract } from "./deletions.ts";
import { jobsContract } from "./jobs.ts";
import { readingContract } from "./reading.ts";
import { reservationsContract } from "./reservations.ts";
import { surveysContract } from "./surveys.ts";

/** What every database must do. `bench` gives the one of the running test, which is empty at first. */
export function recordsContract(bench: () => Bench): void {
  describe("reservations", () => reservationsContract(bench));
  describe("reading", () => readingContract(bench));
  describe("jobs", () => jobsContract(bench));
  describe("deletions", () => deletionsContract(bench));
  describe("surveys", () => surveysContract(bench));
  describe("API keys", () => apiKeysContract(bench));
}
