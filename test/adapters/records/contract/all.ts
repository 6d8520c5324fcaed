import { describe } from "vitest";
import type { Bench } from "../bench.ts";
import { apiKeysContract } from "./api-keys.ts";
import { deletionsContract } from "./deletions.ts";
import { expiryContract } from "./expiry.ts";
import { idempotencyRecordsContract } from "./idempotency-records.ts";
import { jobsContract } from "./jobs.ts";
import { missingContract } from "./missing.ts";
import { quotasContract } from "./quotas.ts";
import { readingContract } from "./reading.ts";
import { reservationsContract } from "./reservations.ts";
import { surveysContract } from "./surveys.ts";
import { tenantsContract } from "./tenants.ts";

/** The tests for every database. `bench` returns the one of the running test, which is empty at first. */
export function recordsContract(bench: () => Bench): void {
  describe("reservations", () => reservationsContract(bench));
  describe("reading", () => readingContract(bench));
  describe("jobs", () => jobsContract(bench));
  describe("deletions", () => deletionsContract(bench));
  describe("missing files", () => missingContract(bench));
  describe("quotas", () => quotasContract(bench));
  describe("idempotency records", () => idempotencyRecordsContract(bench));
  describe("expiry", () => expiryContract(bench));
  describe("tenants", () => tenantsContract(bench));
  describe("surveys", () => surveysContract(bench));
  describe("API keys", () => apiKeysContract(bench));
}
