import { z } from "zod";
import { parseStorageUri, type StorageUri } from "../domain/storage-uri.ts";

/** Reads the text of one environment variable. */
export interface Reader<T> {
  readonly schema: z.ZodType<T, string>;
  /** A valid value, as the end of "expected …". */
  readonly expected: string;
  /** A better ending for a recognized mistake; `null` where `expected` suffices. */
  readonly hint?: (text: string) => string | null;
}

/** A whole number in decimal digits. */
export function whole(min: number, max: number): Reader<number> {
  return {
    schema: z
      .string()
      .regex(/^\d{1,16}$/)
      .transform(Number)
      .pipe(z.number().min(min).max(max)),
    expected: `a whole number from ${min} to ${max}`,
  };
}

/** Only the two words: `1` and `0` mean different things to different programs. */
export const yesOrNo: Reader<boolean> = {
  schema: z.enum(["true", "false"]).transform((word) => word === "true"),
  expected: "true or false",
} as Reader<boolean>;

export function oneOf<const Words extends readonly [string, ...string[]]>(
  ...words: Words
): Reader<Words[number]> {
  return {
    schema: z.string().toLowerCase().pipe(z.enum(words)),
    expected: `one of ${words.join(", ")}`,
  } as Reader<Words[number]>;
}

/** Words with a fixed spelling, read in any case. */
export function choice<const Words extends readonly [string, ...string[]]>(
  ...words: Words
): Reader<Words[number]> {
  const withFixedCase = (text: string) =>
    words.find((word) => word.toLowerCase() === text.toLowerCase()) ?? text;
  return {
    schema: z.string().transform(withFixedCase).pipe(z.enum(words)),
    expected: `one of ${words.join(", ")}`,
  } as Reader<Words[number]>;
}

/** IEC and SI units. A bare `K` or `M` is ambiguous and refused. */
const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
};

/** A size in bytes: `5368709120`, `5GiB`, `100 MB`, `1.5GiB`. */
export function size(minBytes: number): Reader<number> {
  return {
    schema: z.string().transform((text, context) => {
      const [, digits = "", unit = ""] =
        /^(\d{1,16}(?:\.\d{1,3})?) ?([a-z]{0,3})$/i.exec(text) ?? [];
      const bytes =
        digits === "" ? Number.NaN : Number(digits) * (UNITS[unit.toUpperCase()] ?? NaN);
      if (Number.isSafeInteger(bytes) && bytes >= minBytes) return bytes;
      context.addIssue({ code: "custom" });
      return z.NEVER;
    }),
    expected: `a size of at least ${minBytes} bytes, in bytes or like 5GiB, 100MB`,
  };
}

/** Text without control characters or surrounding spaces. */
export function text(
  maxLength: number,
  expected: string,
  pattern = /^\S(?:.*\S)?$/s,
): Reader<string> {
  return {
    schema: z
      .string()
      .max(maxLength)
      .regex(/^\P{Cc}*$/u)
      .regex(pattern),
    expected,
  };
}

/** The name of a driver. The registry checks whether it exists. */
export const driverName: Reader<string> = {
  schema: z
    .string()
    .toLowerCase()
    .regex(/^[a-z][a-z0-9+.-]*$/),
  expected: "local, s3, r2, memory, unstorage or the name of a registered driver",
  hint(text) {
    const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
    if (scheme === undefined) return null;
    const rest =
      scheme === "s3"
        ? "set the location in AWS_S3_BUCKET and FILE_STORAGE_PATH"
        : "set the location in FILE_STORAGE_PATH";
    return `only the driver's name, ${scheme}, not a URI; ${rest}`;
  },
};

export const storageUris: Reader<readonly StorageUri[]> = {
  schema: z.string().transform((text, context) => {
    try {
      return listed(text).map(parseStorageUri);
    } catch {
      context.addIssue({ code: "custom" });
      return z.NEVER;
    }
  }),
  expected:
    "storage URIs separated by commas, like local:./storage/uploads (a comma inside is %2C)",
};

/** What follows the scheme in `unstorage:redis?url=redis://localhost`, without a prefix. */
export const unstorageDriver: Reader<StorageUri> = {
  schema: z
    .string()
    .regex(/^(?:unstorage:)?[a-z][a-z0-9-]*(?:\?|$)/i)
    .transform((text) => parseStorageUri(`unstorage:${text.replace(/^unstorage:/i, "")}`)),
  expected: "a driver of unstorage and its options, like redis?url=redis://localhost",
};

export const mediaTypes: Reader<readonly string[]> = {
  schema: z
    .string()
    .toLowerCase()
    .transform(listed)
    .pipe(z.array(z.string().regex(/^(?:\*\/\*|[\w!#$&^.+-]+\/(?:\*|[\w!#$&^.+-]+))$/)).min(1)),
  expected: "media types separated by commas, like application/pdf, image/*",
};

/** The database. Only SQLite is supported; the path is used as written. */
export const database: Reader<{ readonly kind: "sqlite"; readonly path: string }> = {
  schema: z
    .string()
    .regex(/^sqlite:(?:\/\/(?=\/))?(?!\/\/)[^\0]+$/)
    .transform((text) => ({
      kind: "sqlite" as const,
      path: text.replace(/^sqlite:(?:\/\/(?=\/))?/, ""),
    })),
  expected:
    "sqlite: and a path, like sqlite:./storage/stowage.db (postgres:// is not supported yet)",
};

/** An HTTP base URL, without a trailing slash. */
export function address(example: string): Reader<string> {
  return {
    schema: z.string().transform((text, context) => {
      const url = findUrl(text);
      const plain = url !== null && `${url.search}${url.hash}${url.username}${url.password}` === "";
      if (plain && /^https?:$/.test(url.protocol)) return url.href.replace(/\/+$/, "");
      context.addIssue({ code: "custom" });
      return z.NEVER;
    }),
    expected: `an http or https URL without query or credentials, like ${example}`,
  };
}

/** Keys fetched over plain HTTP could be forged, except from this machine. */
export const jwksUrl: Reader<string> = {
  schema: z.string().refine((text) => {
    const url = findUrl(text);
    if (url === null || `${url.hash}${url.username}${url.password}` !== "") return false;
    return url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname));
  }),
  expected: "an https URL without credentials (http only for localhost)",
};

/** HS256 requires a key at least as long as its hash (RFC 7518, 3.2). */
const SECRET_BYTES = 32;

/** Placeholders that people leave in place of a secret. A random secret contains none of these. */
const PLACEHOLDER =
  /secret|password|changeme|change[-_ ]me|change[-_ ]this|example|placeholder|your[-_ ]|qwerty|12345678|abcdefgh/i;

/** 32 random hex digits have 14 different ones; repeated or typed text has few. */
const DISTINCT_CHARACTERS = 10;

export const signingSecret: Reader<string> = {
  schema: z.string().refine((text) => {
    const periodic = (text + text).indexOf(text, 1) < text.length;
    if (periodic || PLACEHOLDER.test(text)) return false;
    return (
      new TextEncoder().encode(text).byteLength >= SECRET_BYTES &&
      new Set(text).size >= DISTINCT_CHARACTERS
    );
  }),
  expected: `at least ${SECRET_BYTES} random bytes, such as the output of: openssl rand -base64 48`,
};

/** `*`, or origins as browsers send them (RFC 6454, 6.2): no path, no slash, no default port. */
export const origins: Reader<readonly string[]> = {
  schema: z
    .string()
    .transform(listed)
    .pipe(
      z.array(z.string().refine((text) => text === "*" || findUrl(text)?.origin === text)).min(1),
    ),
  expected: "origins separated by commas, like https://app.example.com, or * for any",
};

function listed(text: string): string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function findUrl(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d+){3}$/.test(hostname);
}
