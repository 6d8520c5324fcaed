import type { Finding } from "./check.ts";
import { CLOCK, REGION } from "./s3-troubles.ts";

/** S3 refuses from 15 minutes on, and certificates and tokens have their times too. */
const TOLERATED_SKEW_MS = 60_000;

/** The region that a request is signed for. @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html */
const SIGNED_REGION = /Credential=[^/]+\/\d{8}\/([^/]+)\/s3\//;

/** Listens in on what a driver asks and is answered, for what its errors do not tell. */
export interface Wire {
  around(fetch: typeof globalThis.fetch): typeof globalThis.fetch;
  /** Whether a web page has come, which no S3 server sends. */
  readonly page: boolean;
  /** What was heard besides. Wrong regions and clocks are overcome by the driver, at the cost of a request. */
  findings(): readonly Finding[];
}

/** @param now This machine's clock, in milliseconds since 1970. */
export function createWire(now: () => number): Wire {
  let skewMs = 0;
  const regions: string[] = [];
  let page = false;
  return {
    get page() {
      return page;
    },
    around:
      (fetch) =>
      async (...[input, init]) => {
        const sent = input instanceof Request ? input.headers : new Headers(init?.headers);
        const region = SIGNED_REGION.exec(sent.get("authorization") ?? "")?.[1];
        if (region !== undefined) regions.push(region);
        const response = await fetch(input, init);
        const serverTime = Date.parse(response.headers.get("date") ?? "");
        page ||= (response.headers.get("content-type") ?? "").startsWith("text/html");
        if (!Number.isNaN(serverTime)) skewMs = serverTime - now();
        return response;
      },
    findings: () => [...clockFindings(skewMs), ...regionFindings(regions)],
  };
}

function clockFindings(skewMs: number): readonly Finding[] {
  if (Math.abs(skewMs) < TOLERATED_SKEW_MS) return [];
  const minutes = Math.round(Math.abs(skewMs) / 60_000);
  const detail = `this machine is ${minutes} min ${skewMs > 0 ? "behind" : "ahead"}`;
  return [{ status: "warn", text: CLOCK.found, detail, advice: CLOCK.advice }];
}

/** The first is what the settings say; the last is where the server has sent the driver. */
function regionFindings(regions: readonly string[]): readonly Finding[] {
  const [first, last] = [regions[0], regions.at(-1)];
  if (first === last) return [];
  const detail = `it is in ${last}, and ${first} is set`;
  return [{ status: "warn", text: REGION.found, detail, advice: REGION.advice }];
}
