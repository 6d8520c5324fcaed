import { readAtMost } from "../../../src/driver.ts";
import { isRegion } from "./addressing.ts";
import type { Attempt, Failure } from "./failure.ts";
import { adviceOnDenial } from "./permissions.ts";
import type { S3Request, S3Response, XmlElement } from "./protocol.ts";
import {
  CODE_OF_STATUS,
  type ErrorMapping,
  mappingOf,
  mappingOfStatus,
  NOT_S3,
} from "./s3-codes.ts";
import { childText, parseXml } from "./xml.ts";

/** S3's errors have a few hundred bytes. Longer documents come from another server. */
const MAX_ERROR_BYTES = 64 * 1024;
/** Codes that a message may quote. Other text of a server is not shown. */
const S3_CODE = /^[A-Za-z][A-Za-z0-9.]{0,63}$/;
const AWS_REGION_IN_HOST =
  /^https?:\/\/(?:[a-z0-9.-]+\.)?s3[.-]([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\//;
/** AWS rejects clocks that are off by 15 minutes. A response to HEAD has no body that says so. */
const SKEW_MS = 14 * 60 * 1000;
const BARE_REFUSALS = new Set([400, 401, 403]);

/** Why a request failed, according to its response. Reads the body, up to a limit. */
export async function responseFailure(
  response: S3Response,
  attempt: Attempt,
  now: number,
): Promise<Failure> {
  const error = await readError(response);
  const { request } = attempt;
  if (error === "foreign" || (error === null && !mayBeBare(response, request))) {
    return foreignResponse(response, attempt);
  }
  const sent = error === null ? null : childText(error, "Code");
  const s3Code =
    sent !== null && S3_CODE.test(sent) ? sent : codeWithoutBody(response, request, now);
  return errorFailure(error, s3Code, response, attempt);
}

/** The failure that an `<Error>` element describes. It may come with status 200. */
export function errorFailure(
  error: XmlElement | null,
  s3Code: string,
  response: Pick<S3Response, "status" | "headers">,
  attempt: Attempt,
): Failure {
  const { request, addressing } = attempt;
  const { status, headers } = response;
  const mapping = mappingOf(s3Code, status);
  const { code: known, recovery: usual = "none" } = mapping;
  const region = regionOf(error, headers);
  const exists =
    s3Code === "PreconditionFailed" && request.headers?.["if-none-match"] !== undefined;
  const moved = region !== undefined && region !== addressing.region;
  const serverTime = Date.parse(headers.get("date") ?? "");
  const retryAfterMs = parseRetryAfter(headers.get("retry-after"), serverTime);
  let recovery = usual;
  // HEAD has no body: a bare 400 or 403 may mean a wrong region or expired credentials.
  if (error === null && usual === "none" && BARE_REFUSALS.has(status)) recovery = "credentials";
  if (moved && (status === 400 || status === 403)) recovery = "region";
  const { reason, advice } = moved ? movedTo(region) : mapping;
  return {
    code: exists ? "object_exists" : known,
    reason: `it answers ${status} ${s3Code}: ${reason}`,
    advice: advice ?? adviceOnDenial(known, request, attempt),
    recovery,
    s3Code,
    status,
    retryAfterMs,
    region,
    serverTime: Number.isNaN(serverTime) ? undefined : serverTime,
  };
}

function movedTo(region: string): Pick<ErrorMapping, "reason" | "advice"> {
  return { reason: `the bucket is in ${region}`, advice: `set AWS_REGION to ${region}` };
}

async function readError({ body }: S3Response): Promise<XmlElement | "foreign" | null> {
  if (body === null) return null;
  const bytes = await readAtMost(body, MAX_ERROR_BYTES);
  if (bytes === null) return "foreign";
  if (bytes.byteLength === 0) return null;
  try {
    const root = parseXml(
      new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes),
    );
    return root.name === "Error" ? root : "foreign";
  } catch {
    return "foreign";
  }
}

/** Whether S3 may have sent this without a body: always to HEAD, otherwise only if the request may be repeated. */
function mayBeBare({ status, headers }: S3Response, { method }: S3Request): boolean {
  if (method === "HEAD") return !(headers.get("content-type") ?? "").startsWith("text/html");
  return status !== 404 && status !== 400;
}

function codeWithoutBody(response: S3Response, request: S3Request, now: number): string {
  const { status, headers } = response;
  if (status === 404) return request.objectKey === undefined ? "NoSuchBucket" : "NoSuchKey";
  if (status === 403) {
    const serverTime = Date.parse(headers.get("date") ?? "");
    if (Math.abs(serverTime - now) > SKEW_MS) return "RequestTimeTooSkewed";
  }
  return CODE_OF_STATUS.get(status) ?? `Status${status}`;
}

/** The failure of a response that did not come from S3 but from a proxy or another service. */
export function foreignResponse(
  { status, headers }: Pick<S3Response, "status" | "headers">,
  { addressing }: Pick<Attempt, "addressing">,
  cause?: unknown,
): Failure {
  const html = (headers.get("content-type") ?? "").startsWith("text/html");
  const location = status < 400 ? headers.get("location") : null;
  const target = location === null ? undefined : URL.parse(location)?.origin;
  const what = target
    ? `a redirect to ${target}`
    : html
      ? "a web page"
      : "something other than S3's XML";
  const retryAfterMs = parseRetryAfter(headers.get("retry-after"), Number.NaN);
  // A truncated or garbled 2xx may be complete next time. A web page will not change.
  const again = status >= 500 || status === 429 || status === 408 || (status < 300 && !html);
  const { recovery = "wait" } = mappingOfStatus(status);
  return {
    code: again || status < 300 ? "storage_unavailable" : "storage_misconfigured",
    reason: `${addressing.origin} answers ${status} with ${what}: ${NOT_S3.reason}`,
    advice: NOT_S3.advice,
    recovery: again ? recovery : "none",
    s3Code: CODE_OF_STATUS.get(status) ?? `Status${status}`,
    status,
    retryAfterMs,
    cause,
  };
}

function regionOf(error: XmlElement | null, headers: Headers): string | undefined {
  const named =
    headers.get("x-amz-bucket-region") ??
    (error === null ? null : childText(error, "Region")) ??
    AWS_REGION_IN_HOST.exec(headers.get("location") ?? "")?.[1];
  return named !== null && named !== undefined && isRegion(named) ? named : undefined;
}

/** @see https://www.rfc-editor.org/rfc/rfc9110#name-retry-after */
function parseRetryAfter(text: string | null, serverTime: number): number | undefined {
  if (text === null) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const waitMs = Date.parse(text) - serverTime;
  return waitMs > 0 ? waitMs : undefined;
}
