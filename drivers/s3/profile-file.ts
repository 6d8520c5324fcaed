import { type Host, StowageError } from "../../src/driver.ts";

/** The settings of one profile: names in lower case. */
export type Profile = ReadonlyMap<string, string>;

/** What looking for a profile came to. */
export interface ProfileSearch {
  /** `null` if no file has it. */
  readonly profile: Profile | null;
  /** Every file that was looked for, in order. */
  readonly files: readonly string[];
}

type FileKind = "credentials" | "config";

const SECTION = /^\[\s*(.*?)\s*\]\s*(?:[#;].*)?$/;
const QUOTED = /^"(.*)"$/;

/**
 * Look a profile up in AWS's two files; where both have a setting, the credentials file counts.
 *
 * @throws {StowageError} `storage_misconfigured` for a file that is there but cannot be read.
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/file-location.html
 */
export async function findProfile(name: string, host: Host): Promise<ProfileSearch> {
  const files: string[] = [];
  const settings = new Map<string, string>();
  let found = false;
  for (const kind of ["config", "credentials"] as const) {
    const path = pathOf(kind, host);
    if (path === null) continue;
    files.push(path);
    const profile = parseProfiles(await readFile(path, host), kind).get(name);
    if (profile === undefined) continue;
    found = true;
    for (const [key, value] of profile) settings.set(key, value);
  }
  return { profile: found ? settings : null, files };
}

/**
 * The profiles of a file.
 *
 * @param kind In `config`, all but `[default]` are written `[profile name]`; in `credentials`, `[name]`.
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
 */
export function parseProfiles(
  text: string,
  kind: FileKind,
): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const profiles = new Map<string, Map<string, string>>();
  let current: Map<string, string> | undefined;
  for (const line of text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/)) {
    // Indented lines belong to the setting above (`s3 =`): none that is read here has any.
    if (/^\s*$|^\s|^[#;]/.test(line)) continue;
    const section = SECTION.exec(line)?.[1];
    if (section !== undefined) {
      const name = profileName(section, kind);
      current = name === null ? undefined : (profiles.get(name) ?? new Map<string, string>());
      if (name !== null && current !== undefined) profiles.set(name, current);
      continue;
    }
    const equals = line.indexOf("=");
    if (equals < 0) continue;
    const value = line.slice(equals + 1).replace(/\s[#;].*$/, "");
    current?.set(line.slice(0, equals).trim().toLowerCase(), value.trim());
  }
  return profiles;
}

/** `null` for sections that are no profiles, such as `[sso-session x]`. */
function profileName(section: string, kind: FileKind): string | null {
  const named = /^profile\s+(.+)$/.exec(section)?.[1];
  if (named !== undefined) return QUOTED.exec(named)?.[1] ?? named;
  return kind === "credentials" || section === "default" ? section : null;
}

function pathOf(kind: FileKind, { env }: Host): string | null {
  const told = kind === "credentials" ? env["AWS_SHARED_CREDENTIALS_FILE"] : env["AWS_CONFIG_FILE"];
  if (told) return told;
  const home = env["HOME"] || env["USERPROFILE"];
  return home ? `${home}/.aws/${kind}` : null;
}

async function readFile(path: string, host: Host): Promise<string> {
  try {
    return (await host.readTextFile(path)) ?? "";
  } catch (error) {
    const code = error instanceof Error && "code" in error ? ` (${error.code})` : "";
    throw new StowageError("storage_misconfigured", `Cannot read ${path}: it is there${code}`, {
      cause: error,
    });
  }
}
