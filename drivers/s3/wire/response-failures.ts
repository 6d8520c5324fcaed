import { readAtMost } from "../../../src/driver.ts";
import { isRegion } from "./addressing.ts";
import type { Attempt, Failure } from "./failure.ts";
import type { S3Request, S3Response, XmlElement } from "./protocol.ts";
import {
  CODE_OF_STATUS,
  ERROR_MAPPINGS,
  type ErrorMapping,
  mappingOfStatus,
  PERMISSIONS,
} from "./s3-codes.ts";
import { childText, parseXml } from "./xml.ts";

/** S3's errors have some hundred bytes; what is longer is somebody else's page. */
const MAX_ERROR_BYTES = 64 * 1024;
/** What may be repeated in a message: a server's words are not ours. */
const S3_CODE = /^[A-Za-z][A-Za-z0-9.]{0,63}$/;
const AWS_REGION_IN_HOST =
  /^https?:\/\/(?:[a-z0-9.-]+\.)?s3[.-]([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\//;
/** AWS refuses from 15 minutes on; HEAD has no body to say so. */
const SKEW_MS = 14 * 60 * 1000;
const BARE_REFUSALS = new Set([400, 401, 403]);
/** Actions whose 403 may hide a 404. */
const READS = new Set(["GetObject", "HeadObject"]);

/** What an response that is no good one says. Reads its body, within bounds. */
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
  const told = error === null ? null : childText(error, "Code");
  const s3Code =
    told !== null && S3_CODE.test(told) ? told : codeWithoutBody(response, request, now);
  return errorFailure(error, s3Code, response, attempt);
}

/** The failure that an `<Error>` element tells of, also in an response with status 200. */
export function errorFailure(
  error: XmlElement | null,
  s3Code: string,
  response: Pick<S3Response, "status" | "headers">,
  { request, addressing }: Pick<Attempt, "request" | "addressing">,
): Failure {
  const { status, headers } = response;
  const [known, advice, usual = "none"] = ERROR_MAPPINGS.get(s3Code) ?? mappingOfStatus(status);
  const region = regionOf(error, headers);
  const exists =
    s3Code === "PreconditionFailed" && request.headers?.["if-none-match"] !== undefined;
  const moved = region !== undefined && region !== addressing.region;
  const serverTime = Date.parse(headers.get("date") ?? "");
  const retryAfterMs = parseRetryAfter(headers.get("retry-after"), serverTime);
  let recovery = usual;
  // HEAD hides its reason: a bare 400 or 403 may be the wrong region, or credentials that have expired.
  if (error === null && usual === "none" && BARE_REFUSALS.has(status)) recovery = "credentials";
  if (moved && (status === 400 || status === 403)) recovery = "region";
  return {
    code: exists ? "object_exists" : known,
    reason: `it answers ${status} ${s3Code}: ${explain(known, advice, request, moved ? region : undefined)}`,
    recovery,
    s3Code,
    status,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(region !== undefined && { region }),
    ...(!Number.isNaN(serverTime) && { serverTime }),
  };
}

function explain(
  code: ErrorMapping[0],
  advice: string,
  { action, headers }: S3Request,
  region: string | undefined,
): string {
  if (region !== undefined) return `the bucket is in ${region}; set that region`;
  if (code !== "storage_access_denied" || advice !== "") return advice;
  const kms = headers?.["x-amz-server-side-encryption"]?.startsWith("aws:kms") === true;
  const permission =
    (PERMISSIONS[action] ?? `the permission for ${action}`) +
    (kms ? ", kms:GenerateDataKey and kms:Decrypt" : "");
  const policy = `allow ${permission} to these credentials, and look for a bucket policy that denies it`;
  if (!READS.has(action)) return policy;
  return `either ${permission} is not allowed, or the object is missing and s3:ListBucket, which lets S3 say so, is not; allow both`;
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

/** Whether S3 itself may have sent this without a body: always to HEAD, else only where it wants us to come again. */
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

/** The failure of an response that S3 would not give: something stands between us and S3, or instead of it. */
export function foreignResponse(
  { status, headers }: Pick<S3Response, "status" | "headers">,
  { addressing }: Pick<Attempt, "addressing">,
  cause?: unknown,
): Failure {
  const html = (headers.get("content-type") ?? "").startsWith("text/html");
  const location = status < 400 ? headers.get("location") : null;
  const target = location === null ? undefined : URL.parse(location)?.origin;
  const what = target ? `a redirect to ${target}` : html ? "a web page" : "no XML of S3's";
  const retryAfterMs = parseRetryAfter(headers.get("retry-after"), Number.NaN);
  // A 2xx that is cut off or garbled may be whole next time, a web page will not.
  const again = status >= 500 || status === 429 || status === 408 || (status < 300 && !html);
  const [, , recovery = "wait"] = mappingOfStatus(status);
  return {
    code: again || status < 300 ? "storage_unavailable" : "storage_misconfigured",
    reason: `${addressing.origin} answers ${status} with ${what}: a proxy, a console or another service; check the endpoint`,
    recovery: again ? recovery : "none",
    s3Code: CODE_OF_STATUS.get(status) ?? `Status${status}`,
    status,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(cause !== undefined && { cause }),
  };
}

function regionOf(error: XmlElement | null, headers: Headers): string | undefined {
  const told =
    headers.get("x-amz-bucket-region") ??
    (error === null ? null : childText(error, "Region")) ??
    AWS_REGION_IN_HOST.exec(headers.get("location") ?? "")?.[1];
  return told !== null && told !== undefined && isRegion(told) ? told : undefined;
}

/** @see https://www.rfc-editor.org/rfc/rfc9110#name-retry-after */
function parseRetryAfter(text: string | null, serverTime: number): number | undefined {
  if (text === null) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const waitMs = Date.parse(text) - serverTime;
  return waitMs > 0 ? waitMs : undefined;
}
