import {
  type DriverContext,
  isStowageError,
  readAtMost,
  StowageError,
  throwIfAborted,
} from "../../../src/driver.ts";
import { sameCredentials } from "../config/credentials.ts";
import { createAddressing } from "./addressing.ts";
import { answerFailure, errorFailure, foreignAnswer } from "./answer-failures.ts";
import { Call } from "./call.ts";
import { DEFAULT_ATTEMPTS, DEFAULT_TIMEOUTS, type S3ClientOptions } from "./client-options.ts";
import { Exchange } from "./exchange.ts";
import { type Attempt, AttemptError, type Failure, isPassing } from "./failure.ts";
import type { Credentials, S3Answer, S3Client, S3Request, XmlElement } from "./protocol.ts";
import { RetryPolicy } from "./retry-policy.ts";
import { digestOf, Signer } from "./signing.ts";
import { childText, parseXml } from "./xml.ts";

/** A page of 1,000 of the longest keys, percent-encoded, has less than 4 MiB. */
const MAX_XML_BYTES = 8 * 1024 * 1024;
/** A clock that is off by less than this is not what a server complains about. */
const SKEW_WORTH_MS = 60_000;

/** Makes something of a good answer, before the attempt counts as done. */
type Accept<Result> = (answer: S3Answer, attempt: Attempt) => Promise<Result> | Result;

/**
 * Speak to one bucket. Nothing is connected or read before the first request.
 *
 * @throws {StowageError} `storage_misconfigured`: bucket, region and endpoint make no address.
 */
export function createS3Client(options: S3ClientOptions, context: DriverContext): S3Client {
  const { bucket, credentials: source, maxAttempts = DEFAULT_ATTEMPTS } = options;
  const { logger } = context;
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  const signer = new Signer();
  const policy = new RetryPolicy(context);
  let addressing = createAddressing(options);
  let clockOffsetMs = 0;

  async function askCredentials(
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
    const answer = await new Exchange(attempt, timeouts).send(context.fetch, signed);
    if (answer.status >= 200 && answer.status < 300) return await accept(answer, attempt);
    const failure = await answerFailure(answer, attempt, context.now() + clockOffsetMs);
    throw new AttemptError(failure, attempt);
  }

  async function run<Result>(request: S3Request, accept: Accept<Result>): Promise<Result> {
    const { signal } = request;
    throwIfAborted(signal);
    // A key that cannot be addressed is refused before anything is hashed, asked or sent.
    addressing.urlOf(request);
    const bodySha256 = await digestOf(request, context.hash);
    const call = new Call(request, timeouts, context.now);
    for (;;) {
      await policy.turn(call);
      const credentials = await askCredentials(signal);
      const number = call.begin();
      const attempt: Attempt = { request, bucket, addressing, credentials, number };
      try {
        const result = await attemptOnce(attempt, bodySha256, accept);
        policy.answered();
        return result;
      } catch (error) {
        if (!(error instanceof AttemptError)) throw error;
        call.failed(error);
        policy.failed(error.failure);
        if (!(await recover(error.failure, attempt, call))) throw error;
        logger.debug("s3.retry", { ...error.data, remedy: error.failure.remedy });
      }
    }
  }

  /** Wait, or learn from a refusal, each lesson once a call. Answers whether to try again. */
  async function recover(failure: Failure, attempt: Attempt, call: Call): Promise<boolean> {
    const { remedy } = failure;
    const { mended } = call;
    if (isPassing(remedy)) {
      // Attempts that were refused for what we have learnt since do not count.
      const { number } = attempt;
      return number - mended.size < maxAttempts && (await policy.backOff(failure, number, call));
    }
    if (mended.has(remedy)) {
      if (remedy !== "region") return false;
      const found = `the servers send us from region to region, the last time to ${failure.region ?? "none that it names"}; check bucket, region and endpoint`;
      throw new AttemptError({ ...failure, found, remedy: "none" }, attempt);
    }
    mended.add(remedy);
    return await mend(failure, attempt);
  }

  /** Learn from a refusal. Answers whether there was anything to learn. */
  async function mend(failure: Failure, attempt: Attempt): Promise<boolean> {
    const { remedy, region, serverTime } = failure;
    if (remedy === "region") {
      if (region === undefined || region === attempt.addressing.region) return false;
      if (addressing.region !== region) {
        logger.warn("s3.region-learned", { bucket, from: addressing.region, region });
        addressing = attempt.addressing.inRegion(region);
      }
      return true;
    }
    if (remedy === "clock") {
      if (serverTime === undefined) return false;
      const offsetMs = serverTime - context.now();
      if (Math.abs(offsetMs - clockOffsetMs) < SKEW_WORTH_MS) return false;
      logger.warn("s3.clock-learned", { bucket, offsetMs });
      clockOffsetMs = offsetMs;
      return true;
    }
    if (remedy !== "credentials") return false;
    const { credentials, request } = attempt;
    const others = await askCredentials(request.signal, credentials);
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

function handOver(answer: S3Answer): S3Answer {
  return answer;
}

async function readXml(answer: S3Answer, attempt: Attempt): Promise<XmlElement> {
  const bytes =
    answer.body === null ? new Uint8Array() : await readAtMost(answer.body, MAX_XML_BYTES);
  let root: XmlElement;
  try {
    if (bytes === null) throw new RangeError(`It has more than ${MAX_XML_BYTES} bytes`);
    root = parseXml(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch (cause) {
    throw new AttemptError(foreignAnswer(answer, attempt, cause), attempt);
  }
  if (root.name !== "Error") return root;
  const s3Code = childText(root, "Code") ?? "InternalError";
  throw new AttemptError(errorFailure(root, s3Code, answer, attempt), attempt);
}
