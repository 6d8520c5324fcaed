import { type Host, StowageError } from "../../../src/driver.ts";

/** The settings of one profile. Names are in lower case; indented lines follow their parent's name: `s3.x`. */
export type Profile = ReadonlyMap<string, string>;

/** The result of searching for a profile. */
export interface ProfileSearch {
  /** `null` if no file contains it. */
  readonly profile: Profile | null;
  /** Every file searched, in order. */
  readonly files: readonly string[];
}

type Sections = ReadonlyMap<string, Profile>;
type FileKind = "credentials" | "config";

const SECTION = /^\[\s*(.*?)\s*\]\s*(?:[#;].*)?$/;
const QUOTED = /^"(.*)"$/;

/** The profile that a storage names, or that of `AWS_PROFILE`, or `default`. */
export function profileName(named: string | undefined, { env }: Host): string {
  return named ?? (env["AWS_PROFILE"] || "default");
}

/**
 * Look up a profile in AWS's two files. If both have a setting, the credentials file wins. `endpoint_url` of the S3
 * section in its services wins over the profile's own.
 *
 * @throws {StowageError} `storage_misconfigured` for a file that exists but cannot be read.
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/file-location.html
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
 */
export async function findProfile(name: string, host: Host): Promise<ProfileSearch> {
  const files: string[] = [];
  const settings = new Map<string, string>();
  let services: Sections = new Map();
  let found = false;
  for (const kind of ["config", "credentials"] as const) {
    const path = pathOf(kind, host);
    if (path === null) continue;
    files.push(path);
    const text = await readFile(path, host);
    if (kind === "config") services = parseServices(text);
    const profile = parseProfiles(text, kind).get(name);
    if (profile === undefined) continue;
    found = true;
    for (const [key, value] of profile) settings.set(key, value);
  }
  const endpoint = services.get(settings.get("services") ?? "")?.get("s3.endpoint_url");
  if (endpoint) settings.set("endpoint_url", endpoint);
  return { profile: found ? settings : null, files };
}

/**
 * The profiles of a file.
 *
 * @param kind In `config`, sections other than `[default]` are `[profile name]`; in `credentials`, `[name]`.
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
 */
export function parseProfiles(text: string, kind: FileKind): Sections {
  return parseSections(text, (section) => profileOf(section, kind));
}

/** The `[services name]` of a config file. */
function parseServices(text: string): Sections {
  return parseSections(text, (section) => nameAfter("services", section));
}

/** @param nameOf Returns `null` for a section to skip. */
function parseSections(text: string, nameOf: (section: string) => string | null): Sections {
  const sections = new Map<string, Map<string, string>>();
  let current: SectionReader | undefined;
  for (const line of text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/)) {
    if (/^\s*(?:[#;]|$)/.test(line)) continue;
    const section = SECTION.exec(line)?.[1];
    if (section === undefined) {
      current?.read(line);
      continue;
    }
    const name = nameOf(section);
    const settings = name === null ? undefined : (sections.get(name) ?? new Map<string, string>());
    if (name !== null && settings !== undefined) sections.set(name, settings);
    current = settings && new SectionReader(settings);
  }
  return sections;
}

/** Reads the lines of a section into `settings`. */
class SectionReader {
  readonly #settings: Map<string, string>;
  /** The setting that indented lines belong to. It has no value, such as `s3 =`. */
  #parent: string | null = null;

  constructor(settings: Map<string, string>) {
    this.#settings = settings;
  }

  read(line: string): void {
    const equals = line.indexOf("=");
    if (equals < 0) return;
    const key = line.slice(0, equals).trim().toLowerCase();
    const value = line
      .slice(equals + 1)
      .replace(/\s[#;].*$/, "")
      .trim();
    if (!/^\s/.test(line)) {
      this.#settings.set(key, value);
      this.#parent = value === "" ? key : null;
    } else if (this.#parent !== null) this.#settings.set(`${this.#parent}.${key}`, value);
  }
}

/** `null` for sections that are not profiles, such as `[sso-session x]`. */
function profileOf(section: string, kind: FileKind): string | null {
  const named = nameAfter("profile", section);
  return named ?? (kind === "credentials" || section === "default" ? section : null);
}

function nameAfter(word: string, section: string): string | null {
  const [, first, name = ""] = /^(\S+)\s+(.+)$/.exec(section) ?? [];
  return first === word ? (QUOTED.exec(name)?.[1] ?? name) : null;
}

function pathOf(kind: FileKind, { env }: Host): string | null {
  const configured =
    kind === "credentials" ? env["AWS_SHARED_CREDENTIALS_FILE"] : env["AWS_CONFIG_FILE"];
  if (configured) return configured;
  const home = env["HOME"] || env["USERPROFILE"];
  return home ? `${home}/.aws/${kind}` : null;
}

async function readFile(path: string, host: Host): Promise<string> {
  try {
    return (await host.readTextFile(path)) ?? "";
  } catch (error) {
    const code = error instanceof Error && "code" in error ? ` (${error.code})` : "";
    throw new StowageError(
      "storage_misconfigured",
      `Cannot read ${path}: it exists but cannot be read${code}`,
      {
        cause: error,
      },
    );
  }
}
