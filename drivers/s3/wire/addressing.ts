import { percentEncode, StowageError } from "../../../src/driver.ts";
import type { S3ClientOptions } from "./client-options.ts";
import type { S3Request } from "./protocol.ts";

/** AWS's own endpoints, which name a region: `s3.`, `s3-fips.dualstack.`, … */
const AWS_HOST =
  /^(s3(?:-fips)?\.(?:dualstack\.)?)([a-z]{2,}(?:-[a-z]+)+-\d+)(\.amazonaws\.com(?:\.cn)?)$/;
/** What a host name and a signature's scope may contain. Regions that a server names are checked, too. */
const REGION = /^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?$/;
/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const HOST_BUCKET = /^[a-z0-9](?:[a-z0-9.-]{1,61})[a-z0-9]$/;
/** Names from before 2018, and Ceph's. They work only in a path. */
const PATH_BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$/;
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;

/** Where a bucket's requests go. */
export interface Addressing {
  readonly region: string;
  /** Scheme, host and port, for messages. */
  readonly origin: string;
  /** Whether the host name contains the configured region. A mistyped region has no such host. */
  readonly hostIsFromRegion: boolean;
  /**
   * The URL of a request. Every byte outside RFC 3986's unreserved set is percent-encoded, so that `new URL`
   * changes nothing.
   *
   * @throws {StowageError} `invalid_key` for a key that a URL would change.
   */
  urlOf(request: Pick<S3Request, "objectKey" | "query">): string;
  /** The same bucket in another region. Only AWS's own host changes with it. */
  inRegion(region: string): Addressing;
}

/** Whether `text` can be a region. A region that a server names goes into a host name, so it must be checked. */
export function isRegion(text: string): boolean {
  return REGION.test(text);
}

/** @throws {StowageError} `storage_misconfigured`: bucket, region and endpoint do not form an address. */
export function createAddressing(
  options: Pick<S3ClientOptions, "bucket" | "region" | "endpoint" | "pathStyle">,
): Addressing {
  const { bucket, region } = options;
  if (!isRegion(region))
    throw misconfigured(`"${region}" is not a region; expected one like "eu-central-1"`);
  const endpoint = parseEndpoint(options.endpoint ?? awsEndpoint(region));
  const aws = AWS_HOST.exec(endpoint.host);
  const pathStyle =
    options.pathStyle ?? (aws === null || bucket.includes(".") || !HOST_BUCKET.test(bucket));
  checkBucket(bucket, pathStyle);
  const host = pathStyle ? endpoint.host : `${bucket}.${endpoint.host}`;
  const origin = `${endpoint.protocol}//${host}`;
  if (!pathStyle && URL.parse(origin)?.host !== host) {
    throw misconfigured(
      `${endpoint.hostname} cannot have the bucket in front; set AWS_S3_FORCE_PATH_STYLE=true`,
    );
  }
  const base = origin + basePath(endpoint) + (pathStyle ? `/${bucket}` : "");
  return Object.freeze({
    region,
    origin,
    hostIsFromRegion: options.endpoint === null,
    urlOf: ({ objectKey, query }: Pick<S3Request, "objectKey" | "query">) =>
      base + encodePath(objectKey, pathStyle || base !== origin) + encodeQuery(query),
    inRegion: (other: string) =>
      createAddressing({
        ...options,
        region: other,
        endpoint:
          aws === null ? options.endpoint : `${endpoint.protocol}//${aws[1]}${other}${aws[3]}`,
      }),
  });
}

function awsEndpoint(region: string): string {
  return `https://s3.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
}

function parseEndpoint(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw misconfigured(
      "the endpoint is not an http(s) URL; expected one like https://minio.example:9000",
    );
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw misconfigured(
      "the endpoint holds more than scheme, host, port and path; remove the rest",
    );
  }
  return url;
}

/** Without a trailing slash. Encoded like keys, because that is what gets signed. */
function basePath(endpoint: URL): string {
  const segments = endpoint.pathname.split("/").filter((segment) => segment !== "");
  try {
    return segments.map((segment) => `/${percentEncode(decodeURIComponent(segment))}`).join("");
  } catch {
    throw misconfigured("the endpoint's path is not percent-encoded UTF-8");
  }
}

function checkBucket(bucket: string, pathStyle: boolean): void {
  const wellFormed = (pathStyle ? PATH_BUCKET : HOST_BUCKET).test(bucket);
  if (wellFormed && !bucket.includes("..") && !IPV4.test(bucket)) return;
  throw misconfigured(
    `"${bucket}" is not a bucket name: use 3 to 63 of a-z, 0-9, "-" and ".", a letter or digit at both ends`,
  );
}

function encodePath(key: string | undefined, hasPath: boolean): string {
  if (key === undefined) return hasPath ? "" : "/";
  const problem = findProblem(key);
  if (problem !== null) throw new StowageError("invalid_key", `Cannot address object: ${problem}`);
  let path = "";
  for (const segment of key.split("/")) path += `/${percentEncode(segment)}`;
  return path;
}

/** `new URL` drops dot segments, and servers merge slashes. Both would address another object. */
function findProblem(key: string): string | null {
  if (!key.isWellFormed()) return "its key is not well-formed Unicode";
  for (const segment of key.split("/")) {
    if (segment === "") return "its key has an empty segment";
    if (segment === "." || segment === "..") return "its key has a dot segment";
  }
  return null;
}

function encodeQuery(query: S3Request["query"]): string {
  if (query === undefined || query.length === 0) return "";
  let text = "";
  for (const [name, value] of query) {
    if (!value.isWellFormed()) {
      throw new StowageError(
        "invalid_key",
        "Cannot send request: a value is not well-formed Unicode",
      );
    }
    text += `${text === "" ? "?" : "&"}${percentEncode(name)}=${percentEncode(value)}`;
  }
  return text;
}

function misconfigured(reason: string): StowageError {
  return new StowageError("storage_misconfigured", `Cannot address S3 bucket: ${reason}`);
}
