/** What a document states about itself. Missing facts are left out. */
export interface DocumentFacts {
  /** As counted by the program that saved the document. For a PDF, the actual number. */
  readonly pages?: number;
  readonly slides?: number;
  readonly sheets?: number;
  readonly words?: number;
  /** Unicode code points. */
  readonly characters?: number;
  readonly lines?: number;
  /** For mail, the subject. */
  readonly title?: string;
  /** Several are joined by `; `. For mail, the sender. */
  readonly author?: string;
  readonly description?: string;
  /** RFC 3339, UTC. For mail, the date. */
  readonly created_at?: string;
  readonly modified_at?: string;
  /** BCP 47. Declared, else detected. */
  readonly language?: string;
  /** The program that wrote the file. */
  readonly producer?: string;
}

/** What a format's reader finds, before normalization: times, tags and numbers as written. */
export interface RawFacts {
  readonly pages?: string | number | undefined;
  readonly slides?: number | undefined;
  readonly sheets?: string | number | undefined;
  readonly words?: string | number | undefined;
  readonly characters?: string | number | undefined;
  readonly title?: string | undefined;
  readonly authors?: readonly string[] | undefined;
  readonly description?: string | undefined;
  readonly created?: string | undefined;
  readonly modified?: string | undefined;
  readonly language?: string | undefined;
  readonly producer?: string | undefined;
}

/** Enough for any title, without filling the record. */
const MAX_CHARACTERS = 500;

/** Larger counts are not credible. */
const MAX_COUNT = 1_000_000_000;

/** Normalize facts, and leave out empty ones. */
export function documentFacts(raw: RawFacts): DocumentFacts {
  const facts = {
    pages: findCount(raw.pages),
    slides: findCount(raw.slides),
    sheets: findCount(raw.sheets),
    words: findCount(raw.words),
    characters: findCount(raw.characters),
    title: findLine(raw.title),
    author: findLine(
      raw.authors
        ?.map((author) => findLine(author))
        .filter((author) => author !== undefined)
        .join("; "),
    ),
    description: findLine(raw.description),
    created_at: findTime(raw.created),
    modified_at: findTime(raw.modified),
    language: findLanguage(raw.language),
    producer: findLine(raw.producer),
  };
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

/**
 * Text as one line: NFC, white space and control characters as single spaces, without characters that change
 * the text direction, at most 500 characters.
 */
export function findLine(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  // Normalizing may triple the length, so limit the line before and after.
  const line = text
    .slice(0, 8 * MAX_CHARACTERS)
    .toWellFormed()
    .normalize("NFC")
    .replace(/[\p{Cc}\s]+/gu, " ")
    .replace(/[\p{Bidi_Control}\u{FEFF}]/gu, "")
    .trim();
  const kept = Array.from(line.slice(0, 2 * MAX_CHARACTERS).toWellFormed())
    .slice(0, MAX_CHARACTERS)
    .join("")
    .trim();
  return kept === "" ? undefined : kept;
}

/** Programs that do not count write zero. */
function findCount(value: string | number | undefined): number | undefined {
  const count = typeof value === "string" ? Number(/^\s*(\d{1,10})\s*$/.exec(value)?.[1]) : value;
  return count !== undefined && count > 0 && count <= MAX_COUNT ? count : undefined;
}

/**
 * XML Schema's dateTime and date, as RFC 3339 in UTC. Without a time zone, UTC is assumed. Incomplete dates are
 * ignored.
 *
 * @see https://www.w3.org/TR/xmlschema11-2/#dateTime
 */
const DATE_TIME =
  /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(?:[.,](\d{1,3})\d*)?\s*(Z|[+-]\d\d:?\d\d)?)?$/i;

/** `D:20261124012044+01'00'` (ISO 32000-1, 7.9.4). */
const PDF_DATE =
  /^D:(\d{4})(\d\d)(\d\d)(?:(\d\d)(?:(\d\d)(\d\d)?)?)?(?:Z|([+-])(\d\d)'?(\d\d)?|$)/i;

function findTime(text: string | undefined): string | undefined {
  const written = text?.trim().slice(0, 64) ?? "";
  const iso = fromPdfDate(written) ?? written;
  const [, day, time = "00:00", seconds = ":00", fraction = "0", zone = "Z"] =
    DATE_TIME.exec(iso) ?? [];
  if (day === undefined) return undefined;
  const offset = zone.toUpperCase().replace(/^([+-]\d\d)(\d\d)$/, "$1:$2");
  const at = new Date(`${day}T${time}${seconds}.${fraction.padEnd(3, "0")}${offset}`);
  // The day may not exist: Date turns February 30 into March.
  if (Number.isNaN(at.getTime()) || !isDay(day)) return undefined;
  const year = at.getUTCFullYear();
  return year >= 1 && year <= 9999 ? at.toISOString() : undefined;
}

function fromPdfDate(text: string): string | null {
  const parts = PDF_DATE.exec(text);
  if (parts === null) return null;
  const [, year, month, day, hour = "00", minute = "00", second = "00", sign, hours, minutes] =
    parts;
  const zone = sign === undefined ? "Z" : `${sign}${hours}:${minutes ?? "00"}`;
  return `${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`;
}

function isDay(day: string): boolean {
  const midnight = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
}

/** Tags for an unknown language. @see https://www.rfc-editor.org/rfc/rfc5646#section-4.1 */
const NO_LANGUAGE = /^(?:und|mul|zxx|mis|root)(?:-|$)/;

/** A language tag in its canonical form: `en-US` for `EN_us`. */
export function findLanguage(tag: string | undefined): string | undefined {
  const written = tag?.trim().replaceAll("_", "-") ?? "";
  if (written.length > 35 || written === "") return undefined;
  try {
    const [language] = Intl.getCanonicalLocales(written);
    return language === undefined || NO_LANGUAGE.test(language) ? undefined : language;
  } catch {
    return undefined;
  }
}
