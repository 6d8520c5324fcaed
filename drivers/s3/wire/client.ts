import {
  type DriverContext,
  isStowageError,
  readAtMost,
  StowageError,
  throwIfAborted,
} from "../../../src/driver.ts";
import { sameCredentials } from "../config/credentials.ts";
import { createAddressing } from "./addressing.ts";
import { Call } from "./call.ts";
import { DEFAULT_ATTEMPTS, DEFAULT_TIMEOUTS, type S3ClientOptions } from "./client-options.ts";
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
  const { bucket, prefix = "", env, credentials: source, maxAttempts = DEFAULT_ATTEMPTS } = options;
  const { logger } = context;
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  const signer = new Signer();
  const policy = new RetryPolicy(context);
  let addressing = createAddressing(options);
  let clockOffsetMs = 0;

  async function getCredentials(
    signal: AbortSignal | undefined,
    refused?: Credentials,
  ): Promise<Credentials> {
    try {
      return await source(signal, refused);
    } catch (error) {
      if (isStowageError(error)) throw error;
      throwIfAborted(signal);
      const message = `Cannot sign requests to bucket "${bucket}": the source of credentials failed`;
      throw new StowageError("storage_unavailable", message, { cause: error, retryable: true });
    }
  }

  async function attemptOnce<Result>(
    attempt: Attempt,
    bodySha256: string,
    accept: Accept<Result>,
  ): Promise<Result> {
    const { request, credentials } = attempt;
    const { region } = attempt.addressing;
    const url = attempt.addressing.urlOf(request);
    const now = context.now() + clockOffsetMs;
    const signed = await signer.sign(request, { url, region, credentials, bodySha256, now });
    const response = await new Exchange(attempt, timeouts).send(context.fetch, signed);
    if (response.status >= 200 && response.status < 300) return await accept(response, attempt);
    const failure = await responseFailure(response, attempt, context.now() + clockOffsetMs);
    throw new AttemptError(failure, attempt);
  }

  async function run<Result>(request: S3Request, accept: Accept<Result>): Promise<Result> {
    const { signal } = request;
    throwIfAborted(signal);
    // Fails for an invalid key before anything is hashed or sent.
    addressing.urlOf(request);
    const bodySha256 = await digestOf(request, context.hash);
    const call = new Call(request, timeouts, context.now);
    for (;;) {
      await policy.turn(call);
      const credentials = await getCredentials(signal);
      const number = call.begin();
      const attempt: Attempt = { request, bucket, prefix, env, addressing, credentials, number };
      try {
        const result = await attemptOnce(attempt, bodySha256, accept);
        policy.responded();
        return result;
      } catch (error) {
        if (!(error instanceof AttemptError)) throw error;
        call.failed(error);
        policy.failed(error.failure);
        if (!(await shouldRetry(error.failure, attempt, call))) throw error;
        logger.debug("s3.retry", { ...error.data, recovery: error.failure.recovery });
      }
    }
  }

  /** Wait, or try each recovery once a call. @returns Whether to try again. */
  async function shouldRetry(failure: Failure, attempt: Attempt, call: Call): Promise<boolean> {
    const { recovery } = failure;
    const { recoveries } = call;
    if (isTransient(recovery)) {
      // Attempts that a recovery has answered for do not count.
      const { number } = attempt;
      return (
        number - recoveries.size < maxAttempts && (await policy.backOff(failure, number, call))
      );
    }
    if (recoveries.has(recovery)) {
      if (recovery !== "region") return false;
      const reason = `the servers redirect from region to region, last to ${failure.region ?? "an unnamed one"}`;
      const advice = "check AWS_S3_BUCKET, AWS_REGION and AWS_ENDPOINT_URL_S3";
      throw new AttemptError({ ...failure, reason, advice, recovery: "none" }, attempt);
    }
    recoveries.add(recovery);
    return await recover(failure, attempt);
  }

  /** Adopt the region, clock or credentials. @returns Whether anything changed. */
  async function recover(failure: Failure, attempt: Attempt): Promise<boolean> {
    const { recovery, region, serverTime } = failure;
    if (recovery === "region") {
      if (region === undefined || region === attempt.addressing.region) return false;
      if (addressing.region !== region) {
        logger.warn("s3.region-learned", { bucket, from: addressing.region, region });
        addressing = attempt.addressing.inRegion(region);
      }
      return true;
    }
    if (recovery === "clock") {
      if (serverTime === undefined) return false;
      const offsetMs = serverTime - context.now();
      if (Math.abs(offsetMs - clockOffsetMs) < SKEW_WORTH_MS) return false;
      logger.warn("s3.clock-learned", { bucket, offsetMs });
      clockOffsetMs = offsetMs;
      return true;
    }
    if (recovery !== "credentials") return false;
    const { credentials, request } = attempt;
    const others = await getCredentials(request.signal, credentials);
    return !sameCredentials(others, credentials);
  }

  return Object.freeze({
    bucket,
    send: (request: S3Request) => run(request, handOver),
    sendForXml: (request: S3Request) => run(request, readXml),
    async dispose() {
      signer.clear();
    },
  });
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
