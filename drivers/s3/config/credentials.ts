import { type DriverContext, type Host, StowageError } from "../../../src/driver.ts";
import type { CredentialSource, Credentials } from "../wire/protocol.ts";
import { findProfile, type ProfileSearch, profileName } from "./profile-file.ts";

/** Where a storage's own credentials are. Without either, AWS's usual places are searched. */
export interface CredentialPlace {
  /** A prefix of variables. `ARCHIVE` reads only `ARCHIVE_AWS_ACCESS_KEY_ID` and so on. */
  readonly env?: string | undefined;
  /** Reads only this profile of `~/.aws/credentials` or `~/.aws/config`. */
  readonly profile?: string | undefined;
}

type Context = Pick<DriverContext, "host" | "now">;

/** Files are read again after this time, so that rotated keys are found before a request is rejected. */
const KEPT_MS = 5_000;

/** Settings of profiles that are not supported, and what such a profile does. */
const OTHER_KINDS: readonly (readonly [setting: string, does: string])[] = [
  ["role_arn", "assumes a role"],
  ["credential_process", "runs a program"],
  ["sso_session", "signs in through SSO"],
  ["sso_start_url", "signs in through SSO"],
  ["web_identity_token_file", "uses a web identity"],
];
/** Variables of credential sources that are not supported. */
const OTHER_PLACES = [
  "AWS_WEB_IDENTITY_TOKEN_FILE",
  "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
  "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/**
 * Credentials from the environment and from profile files, in AWS's order: what `place` names, otherwise
 * `AWS_ACCESS_KEY_ID` and so on, otherwise the profile `AWS_PROFILE` or `default`. Reads nothing before the first
 * request.
 *
 * @returns A source that rejects with `storage_misconfigured`, naming every place searched and what to set.
 * @throws {StowageError} `storage_misconfigured` if `place` names two.
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
 */
export function credentialSource(place: CredentialPlace, context: Context): CredentialSource {
  const { env: prefix, profile } = place;
  if (prefix !== undefined && profile !== undefined) {
    throw unusable("env and profile exclude each other; name one");
  }
  const { host } = context;
  if (host === undefined) {
    return () => Promise.reject(unusable("this runtime has no environment; pass them in code"));
  }
  if (prefix !== undefined) return async () => fromEnvironment(host, prefix) ?? notSet(prefix);
  const fromProfile = profileSource(profile, host, context.now);
  if (profile !== undefined) return fromProfile;
  return async (signal, refused) => fromEnvironment(host) ?? (await fromProfile(signal, refused));
}

/** Whether keys and token are the same. */
export function sameCredentials(one: Credentials, other: Credentials): boolean {
  return (
    one.accessKeyId === other.accessKeyId &&
    one.secretAccessKey === other.secretAccessKey &&
    one.sessionToken === other.sessionToken
  );
}

/** Caches one read for all callers for a while, unless the server rejects the credentials. */
function profileSource(
  explicit: string | undefined,
  host: Host,
  now: Context["now"],
): CredentialSource {
  let kept: { readonly credentials: Promise<Credentials>; readonly at: number } | null = null;
  return async (_signal, refused) => {
    if (kept !== null && Math.abs(now() - kept.at) < KEPT_MS) {
      const credentials = await kept.credentials;
      if (refused === undefined || !sameCredentials(credentials, refused)) return credentials;
    }
    const reading = { credentials: readProfile(explicit, host), at: now() };
    kept = reading;
    try {
      return await reading.credentials;
    } catch (error) {
      // A failure is not cached: the file may appear soon.
      if (kept === reading) kept = null;
      throw error;
    }
  };
}

async function readProfile(explicit: string | undefined, host: Host): Promise<Credentials> {
  const name = profileName(explicit, host);
  const search = await findProfile(name, host);
  const { profile } = search;
  if (profile === null) throw nowhere(name, search, explicit, host);
  const other = OTHER_KINDS.find(([setting]) => profile.has(setting));
  if (other !== undefined) {
    const [setting, does] = other;
    throw unusable(
      `profile "${name}" ${does} (${setting}), which is not supported; name one that has aws_access_key_id and aws_secret_access_key`,
    );
  }
  const where = `profile "${name}" of ${search.files.join(" and ")}`;
  const found = toCredentials(
    (part) => profile.get(`aws_${part}`),
    (part) => `aws_${part} in ${where}`,
  );
  if (found === null)
    throw unusable(`${where} has no aws_access_key_id; add it and aws_secret_access_key`);
  return found;
}

function fromEnvironment(host: Host, prefix?: string): Credentials | null {
  return toCredentials(
    (part) => host.env[variable(prefix, part)],
    (part) => variable(prefix, part),
  );
}

type Part = "access_key_id" | "secret_access_key" | "session_token";

/**
 * @param nameOf What the operator knows a part as.
 * @returns `null` if neither key is set.
 */
function toCredentials(
  read: (part: Part) => string | undefined,
  nameOf: (part: Part) => string,
): Credentials | null {
  const accessKeyId = read("access_key_id")?.trim();
  const secretAccessKey = read("secret_access_key")?.trim();
  const sessionToken = read("session_token")?.trim();
  if (!accessKeyId && !secretAccessKey) return null;
  if (!accessKeyId) throw half(nameOf("secret_access_key"), nameOf("access_key_id"));
  if (!secretAccessKey) throw half(nameOf("access_key_id"), nameOf("secret_access_key"));
  return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
}

function variable(prefix: string | undefined, part: string): string {
  return `${prefix === undefined ? "" : `${prefix}_`}AWS_${part.toUpperCase()}`;
}

function half(there: string, absent: string): StowageError {
  return unusable(`${there} is set, but ${absent} is not; set both`);
}

function notSet(prefix: string): never {
  const [id, secret] = (["access_key_id", "secret_access_key"] as const).map((part) =>
    variable(prefix, part),
  );
  throw unusable(`${id} is not set; set ${id} and ${secret}`);
}

/** Names every place searched, and the unsupported sources that are set. */
function nowhere(
  name: string,
  { files }: ProfileSearch,
  explicit: string | undefined,
  { env }: Host,
): StowageError {
  const where = files.length === 0 ? "any file, since HOME is not set" : files.join(" and ");
  if (explicit !== undefined) return unusable(`no profile "${name}" in ${where}; add it`);
  const unread = OTHER_PLACES.filter((place) => env[place]);
  const hint = unread.length === 0 ? "" : `; ${unread.join(", ")} is set, which is not supported`;
  return unusable(
    `AWS_ACCESS_KEY_ID is not set, and there is no profile "${name}" in ${where}${hint}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or add the profile`,
  );
}

function unusable(reason: string): StowageError {
  return new StowageError("storage_misconfigured", `Cannot find credentials for S3: ${reason}`);
}
