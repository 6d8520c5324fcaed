import { StowageError } from "./errors.ts";

/**
 * A storage in one line: `local:./storage/uploads`, `s3://bucket/prefix?region=eu-west-1`, `memory:`. The scheme selects
 * the driver, which interprets the rest.
 */
export interface StorageUri {
  /** The driver's name in lower case. */
  readonly scheme: string;
  /** The part from `//` to the next `/`, such as a bucket. Empty without `//`. */
  readonly authority: string;
  /** The rest of the path, percent-decoded. */
  readonly path: string;
  /** The query. If a name occurs twice, the last one counts. */
  readonly options: Readonly<Record<string, string>>;
  /** For logs and messages: the URI as given, with everything that looks secret masked. */
  readonly display: string;
}

const SCHEME = /^([a-z][a-z0-9+.-]*):(.*)$/is;
const SECRET_OPTION = /secret|token|pass(?:word|phrase)?$|key$|auth$|credentials?$|string$|^sas/i;

/**
 * Parse a storage URI. Not with WHATWG `URL`, which would collapse dot segments and make relative paths absolute.
 *
 * @throws {StowageError} `invalid_storage_uri`
 */
export function parseStorageUri(text: string): StorageUri {
  const match = SCHEME.exec(text.trim());
  if (match === null) throw refuse("it has no scheme (expected like local:./storage/uploads)");
  const [, scheme = "", rest = ""] = match;
  const question = rest.indexOf("?");
  const location = question < 0 ? rest : rest.slice(0, question);
  const { authority, path } = splitLocation(location);
  const options = Object.fromEntries(
    new URLSearchParams(question < 0 ? "" : rest.slice(question + 1)),
  );
  return Object.freeze({
    scheme: scheme.toLowerCase(),
    authority: decode(authority),
    path: decode(path),
    options: Object.freeze(options),
    display: displayOf(scheme.toLowerCase(), location, options),
  });
}

function splitLocation(location: string): { authority: string; path: string } {
  if (!location.startsWith("//")) return { authority: "", path: location };
  const slash = location.indexOf("/", 2);
  if (slash < 0) return { authority: location.slice(2), path: "" };
  return { authority: location.slice(2, slash), path: location.slice(slash + 1) };
}

function displayOf(scheme: string, location: string, options: Record<string, string>): string {
  const shown = Object.entries(options).map(
    ([name, value]) => `${name}=${SECRET_OPTION.test(name) ? "***" : maskAddress(value)}`,
  );
  // Before the host, a user without a password is not secret, and a key may contain an @.
  const masked = maskAddress(location.replace(/^\/\/[^/]*:[^/]*@/, "//***@"));
  return `${scheme}:${masked}${shown.length > 0 ? `?${shown.join("&")}` : ""}`;
}

/** Mask the user, password and secret options of an address in the URI: `redis://:password@host?token=…`. */
function maskAddress(text: string): string {
  return text
    .replace(/(:\/\/)\S*@/g, "$1***@")
    .replace(/([?&;][^=?&;]*(?:secret|token|pass\w*|key|sig)=)[^&;]*/gi, "$1***");
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw refuse("a % in it is not followed by two hexadecimal digits", cause);
  }
}

function refuse(reason: string, cause?: unknown): StowageError {
  return new StowageError("invalid_storage_uri", `Cannot read storage URI: ${reason}`, { cause });
}
