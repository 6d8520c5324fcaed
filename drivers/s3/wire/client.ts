import {
  type DriverContext,
  isStowageError,
  readAtMost,
  StowageError,
  throwIfAborted,
} from "../../../src/driver.ts";
import { sameCredentials } from "../config/credentials.ts";
import { type Addressing, createAddressing } from "./addressing.ts";
import { Call } from "./call.ts";
import {
  DEFAULT_ATTEMPTS,
  DEFAULT_TIMEOUTS,
  type S3ClientOptions,
  type S3Timeouts,
} from "./client-options.ts";
import { Exchange } from "./exchange.ts";
import { type Attempt, AttemptError, type Failure, isTransient } from "./failure.ts";
import type { Credentials, S3Client, S3Request, S3Response, XmlElement } from "./protocol.ts";
import { errorFailure, foreignResponse, responseFailure } from "./response-failures.ts";
import { RetryPolicy } from "./retry-policy.ts";
import { digestOf, Signer } from "./signing.ts";
import { childText, parseXml } from "./xml.ts";

/** A page of 1,000 of the longest keys, percent-encoded, has less than 4 MiB. */
const MAX_XML_BYTES = 8 * 1024 * 1024;
/** A smaller clock difference is not the reason for a rejection. */
const SKEW_WORTH_MS = 60_000;

/** Processes a good response before the attempt counts as done. */
type Accept<Result> = (response: S3Response, attempt: Attempt) => Promise<Result> | Result;

/**
 * A client for one bucket. It connects and reads nothing before the first request.
 *
 * @throws {StowageError} `storage_misconfigured`: bucket, region and endpoint do not form an address.
 */
export function createS3Client(options: S3ClientOptions, context: DriverContext): S3Client {
  const client = new BucketClient(options, context);
  return Object.freeze({
    bucket: options.bucket,
    env: options.env,
    send: (request: S3Request) => client.run(request, handOver),
    sendForXml: (request: S3Request) => client.run(request, readXml),
    dispose: () => client.dispose(),
  });
}

class BucketClient {
  readonly #options: S3ClientOptions;
  readonly #context: DriverContext;
  readonly #timeouts: S3Timeouts;
  readonly #maxAttempts: number;
  readonly #signer = new Signer();
  readonly #policy: RetryPolicy;
  #addressing: Addressing;
  #clockOffsetMs = 0;

  constructor(options: S3ClientOptions, context: DriverContext) {
    this.#options = options;
    this.#context = context;
    this.#timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
    this.#maxAttempts = options.maxAttempts ?? DEFAULT_ATTEMPTS;
    this.#policy = new RetryPolicy(context);
    this.#addressing = createAddressing(options);
  }

  async run<Result>(request: S3Request, accept: Accept<Result>): Promise<Result> {
    const { signal } = request;
    const { bucket, prefix = "", env } = this.#options;
    throwIfAborted(signal);
    // Fails for an invalid key before anything is hashed or sent.
    this.#addressing.urlOf(request);
    const bodySha256 = await digestOf(request, this.#context.hash);
    const call = new Call(request, this.#timeouts, this.#context.now);
    for (;;) {
      await this.#policy.turn(call);
      const credentials = await this.#getCredentials(signal);
      const addressing = this.#addressing;
      const number = call.begin();
      const attempt: Attempt = { request, bucket, prefix, env, addressing, credentials, number };
      try {
        const result = await this.#attemptOnce(attempt, bodySha256, accept);
        this.#policy.responded();
        return result;
      } catch (error) {
        if (!(error instanceof AttemptError)) throw error;
        call.failed(error);
        this.#policy.failed(error.failure);
        if (!(await this.#shouldRetry(error.failure, attempt, call))) throw error;
        this.#context.logger.debug("s3.retry", {
          ...error.data,
          recovery: error.failure.recovery,
        });
      }
    }
  }

  async dispose(): Promise<void> {
    this.#signer.clear();
  }

  async #getCredentials(
    signal: AbortSignal | undefined,
    refused?: Credentials,
  ): Promise<Credentials> {
    const { bucket, credentials } = this.#options;
    try {
      return await credentials(signal, refused);
    } catch (error) {
      if (isStowageError(error)) throw error;
      throwIfAborted(signal);
      const message = `Cannot sign requests to bucket "${bucket}": the source of credentials failed`;
      throw new StowageError("storage_unavailable", message, { cause: error, retryable: true });
    }
  }

  async #attemptOnce<Result>(
    attempt: Attempt,
    bodySha256: string,
    accept: Accept<Result>,
  ): Promise<Result> {
    const { request, credentials, addressing } = attempt;
    const { region } = addressing;
    const url = addressing.urlOf(request);
    const now = this.#now();
    const signed = await this.#signer.sign(request, { url, region, credentials, bodySha256, now });
    const response = await new Exchange(attempt, this.#timeouts).send(this.#context.fetch, signed);
    if (response.status >= 200 && response.status < 300) return await accept(response, attempt);
    throw new AttemptError(await responseFailure(response, attempt, this.#now()), attempt);
  }

  /** The server's time, as far as it is known. */
  #now(): number {
    return this.#context.now() + this.#clockOffsetMs;
  }

  /** Wait, or try each recovery once a call. @returns Whether to try again. */
  async #shouldRetry(failure: Failure, attempt: Attempt, call: Call): Promise<boolean> {
    const { recovery } = failure;
    const { recoveries } = call;
    if (isTransient(recovery)) {
      // Attempts that a recovery has answered for do not count.
      const counted = attempt.number - recoveries.size;
      return (
        counted < this.#maxAttempts && (await this.#policy.backOff(failure, attempt.number, call))
      );
    }
    if (recoveries.has(recovery)) {
      if (recovery !== "region") return false;
      const reason = `the servers redirect from region to region, last to ${failure.region ?? "an unnamed one"}`;
      const advice = "check AWS_S3_BUCKET, AWS_REGION and AWS_ENDPOINT_URL_S3";
      throw new AttemptError({ ...failure, reason, advice, recovery: "none" }, attempt);
    }
    recoveries.add(recovery);
    if (recovery === "region") return this.#adoptRegion(failure, attempt);
    if (recovery === "clock") return this.#adoptClock(failure);
    return recovery === "credentials" && (await this.#replaceCredentials(attempt));
  }

  /** @returns Whether the next attempt goes to another region. */
  #adoptRegion({ region }: Failure, attempt: Attempt): boolean {
    if (region === undefined || region === attempt.addressing.region) return false;
    const from = this.#addressing.region;
    if (from !== region) {
      const { bucket } = this.#options;
      this.#context.logger.warn("s3.region-learned", { bucket, from, region });
      this.#addressing = attempt.addressing.inRegion(region);
    }
    return true;
  }

  /** @returns Whether the next attempt is signed for another time. */
  #adoptClock({ serverTime }: Failure): boolean {
    if (serverTime === undefined) return false;
    const offsetMs = serverTime - this.#context.now();
    if (Math.abs(offsetMs - this.#clockOffsetMs) < SKEW_WORTH_MS) return false;
    const { bucket } = this.#options;
    this.#context.logger.warn("s3.clock-learned", { bucket, offsetMs });
    this.#clockOffsetMs = offsetMs;
    return true;
  }

  /** @returns Whether there are others now. */
  async #replaceCredentials({ credentials, request }: Attempt): Promise<boolean> {
    const others = await this.#getCredentials(request.signal, credentials);
    return !sameCredentials(others, credentials);
  }
}

function handOver(response: S3Response): S3Response {
  return response;
}

async function readXml(response: S3Response, attempt: Attempt): Promise<XmlElement> {
  const bytes =
    response.body === null ? new Uint8Array() : await readAtMost(response.body, MAX_XML_BYTES);
  let root: XmlElement;
  try {
    if (bytes === null) throw new RangeError(`It has more than ${MAX_XML_BYTES} bytes`);
    root = parseXml(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch (cause) {
    throw new AttemptError(foreignResponse(response, attempt, cause), attempt);
  }
  if (root.name !== "Error") return root;
  const s3Code = childText(root, "Code") ?? "InternalError";
  throw new AttemptError(errorFailure(root, s3Code, response, attempt), attempt);
}
