import type { StorageUri } from "../../domain/storage-uri.ts";
import type { Finding } from "./check.ts";
import { CLOCK, REGION } from "./s3-troubles.ts";

/** S3 refuses from 15 minutes on, and certificates and tokens have their times too. */
const TOLERATED_SKEW_MS = 60_000;

/** AWS's default, which is also ours. */
const DEFAULT_REGION = "us-east-1";

/** Listens in on what a driver asks and is answered, for what its errors do not tell. */
export interface Wire {
  around(fetch: typeof globalThis.fetch): typeof globalThis.fetch;
  /** What was heard besides. */
  findings(uri: StorageUri): readonly Finding[];
}

/** @param now This machine's clock, in milliseconds since 1970. */
export function createWire(now: () => number): Wire {
  let skewMs = 0;
  let bucketRegion: string | null = null;
  return {
    around:
      (fetch) =>
      async (...args) => {
        const response = await fetch(...args);
        const serverTime = Date.parse(response.headers.get("date") ?? "");
        if (!Number.isNaN(serverTime)) skewMs = serverTime - now();
        bucketRegion = response.headers.get("x-amz-bucket-region") ?? bucketRegion;
        return response;
      },
    findings: (uri) => [...clockFindings(skewMs), ...regionFindings(uri, bucketRegion)],
  };
}

function clockFindings(skewMs: number): readonly Finding[] {
  if (Math.abs(skewMs) < TOLERATED_SKEW_MS) return [];
  const minutes = Math.round(Math.abs(skewMs) / 60_000);
  const detail = `this machine is ${minutes} min ${skewMs > 0 ? "behind" : "ahead"}`;
  return [{ status: "warn", text: CLOCK.found, detail, advice: CLOCK.advice }];
}

/** The driver finds its way by itself, with a request more for each that begins in the wrong place. */
function regionFindings(uri: StorageUri, bucketRegion: string | null): readonly Finding[] {
  const region = uri.options["region"] ?? DEFAULT_REGION;
  if (uri.scheme !== "s3" || bucketRegion === null || bucketRegion === region) return [];
  const detail = `it is in ${bucketRegion}, and ${region} is set`;
  return [{ status: "warn", text: REGION.found, detail, advice: REGION.advice }];
}
