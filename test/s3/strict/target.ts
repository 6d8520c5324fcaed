import { S3Error } from "./errors.ts";

/** A request target as it came over the wire, decoded exactly once. No WHATWG URL ever sees it. */
export interface Target {
  /** Undecoded, with its leading slash. */
  readonly rawPath: string;
  /** Decoded, with its leading slash. */
  readonly path: string;
  /** Decoded, in the order they came. */
  readonly query: readonly (readonly [name: string, value: string])[];
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function invalid(why: string): S3Error {
  return new S3Error("InvalidURI", `Couldn't parse the specified URI: ${why}`);
}

function decode(raw: string): string {
  if (/%(?![0-9A-Fa-f]{2})/.test(raw)) throw invalid("a percent sign stands alone");
  const bytes = raw.replace(/%(..)/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  try {
    return UTF8.decode(Buffer.from(bytes, "latin1"));
  } catch {
    throw invalid("not UTF-8");
  }
}

/** @throws {S3Error} `InvalidURI`. */
export function parseTarget(raw: string): Target {
  if (!raw.startsWith("/")) throw invalid("not in origin form");
  const mark = raw.indexOf("?");
  const rawPath = mark < 0 ? raw : raw.slice(0, mark);
  const rawQuery = mark < 0 ? "" : raw.slice(mark + 1);
  // Some services read it as a space, others as itself: a client must encode the one that it means.
  if (rawQuery.includes("+")) throw invalid("an ambiguous plus sign in the query");
  const query = rawQuery
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const equals = pair.indexOf("=");
      return equals < 0
        ? ([decode(pair), ""] as const)
        : ([decode(pair.slice(0, equals)), decode(pair.slice(equals + 1))] as const);
    });
  return { rawPath, path: decode(rawPath), query };
}

/** Percent-encoding as SigV4 wants it: all but unreserved characters. */
export function encodeStrictly(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

export interface Address {
  readonly bucket: string | undefined;
  readonly key: string | undefined;
}

/** Bucket and key: of virtual hosts under `domain`, otherwise of the path. */
export function addressOf(path: string, host: string, domain: string, basePath: string): Address {
  if (!path.startsWith(`${basePath}/`)) throw invalid("outside the service's base path");
  const rest = path.slice(basePath.length + 1);
  const name = host.replace(/:\d+$/, "");
  if (name.endsWith(`.${domain}`)) {
    return { bucket: name.slice(0, -domain.length - 1), key: rest || undefined };
  }
  const slash = rest.indexOf("/");
  if (slash < 0) return { bucket: rest || undefined, key: undefined };
  return { bucket: rest.slice(0, slash), key: rest.slice(slash + 1) || undefined };
}
