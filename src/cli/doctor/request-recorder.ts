import { formatDuration } from "../format.ts";
import type { Finding } from "./check.ts";

/** S3 refuses a skew of 15 minutes or more; certificates and tokens expire too. */
const TOLERATED_SKEW_MS = 60_000;

/** The region that a request is signed for. @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html */
const SIGNED_REGION = /Credential=[^/]+\/\d{8}\/([^/]+)\/s3\//;

/** Records the requests and responses of a driver, for what its errors do not show. */
export class RequestRecorder {
  readonly #now: () => number;
  readonly #regions: string[] = [];
  #skewMs = 0;

  /** @param now This machine's clock, in milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  readonly wrap =
    (fetch: typeof globalThis.fetch): typeof globalThis.fetch =>
    async (input, init) => {
      const sent = input instanceof Request ? input.headers : new Headers(init?.headers);
      const region = SIGNED_REGION.exec(sent.get("authorization") ?? "")?.[1];
      if (region !== undefined) this.#regions.push(region);
      const response = await fetch(input, init);
      const serverTime = Date.parse(response.headers.get("date") ?? "");
      if (!Number.isNaN(serverTime)) this.#skewMs = serverTime - this.#now();
      return response;
    };

  /** The driver works around a wrong region or clock, at the cost of a request: it reports no error. */
  findings(): readonly Finding[] {
    return [...clockFindings(this.#skewMs), ...regionFindings(this.#regions)];
  }
}

function clockFindings(skewMs: number): readonly Finding[] {
  if (Math.abs(skewMs) < TOLERATED_SKEW_MS) return [];
  const detail = `this machine is ${formatDuration(Math.abs(skewMs))} ${skewMs > 0 ? "behind" : "ahead"}`;
  const text = "this machine's clock and the server's differ";
  const advice = "set the clock of this machine: timedatectl set-ntp true";
  return [{ status: "warn", text, detail, advice }];
}

/** The first region is the configured one; the last is where the server redirected the driver. */
function regionFindings(regions: readonly string[]): readonly Finding[] {
  const [first, last] = [regions[0], regions.at(-1)];
  if (first === last) return [];
  const detail = `it is in ${last}, but ${first} is set`;
  const text = "the bucket is in another region";
  return [{ status: "warn", text, detail, advice: "set AWS_REGION to the region of the bucket" }];
}
