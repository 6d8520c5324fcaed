/** How much text is searched. Contacts are at the beginning, and longer texts are not résumés. */
const MAX_CHARACTERS = 100_000;
const MAX_FOUND = 20;

/** E.164: at most 15 digits. With fewer than 7, a number cannot be called from abroad. */
const [MIN_DIGITS, MAX_DIGITS] = [7, 15];

// Repetitions are bounded, so that a hostile document cannot cause excessive backtracking.
const EMAIL =
  /(?<![\p{L}\d._%+-])[\p{L}\d_%+-](?:[\p{L}\d._%+-]{0,62}[\p{L}\d_%+-])?@(?:[\p{L}\d-]{1,63}\.){1,5}\p{L}{2,24}(?![\p{L}\d])/gu;
const LINK =
  /(?<![\p{L}\d@./-])(?:https?:\/\/|www\.|(?:[\w-]{1,40}\.)?(?:linkedin|xing|github|gitlab|orcid|behance|stackoverflow)\.(?:com|org|net)\/)[^\s<>"'|,;]{2,500}/giu;
const PHONE =
  /(?<![\p{L}\d+/.-])(?:\+|00|\(|0|\d)[\d ()./-]{5,24}\d(?!(?!x\d|ext)[\p{L}@]|[ ()./-]{0,2}\d)/giu;
const PHONE_LABEL =
  /(?:phone|tel|mobil|cell|handy|telefon|téléphone|portable|teléfono|móvil|telefone|komórk|тел|电话|手机|電話|携帯|전화|☎|📞|📱)[\p{L}.]{0,10}\s*(?:\([^)]{0,20}\))?\s*[:.]?\s*$/iu;
const DATE =
  /\b(?:19|20)\d\d\b\D{1,4}(?:(?:19|20)\d\d|\d{1,2})\b|\b\d{1,2}[./-]\d{1,2}[./-](?:\d\d)?\d\d\b/;

/** Headings of a résumé or its sections in several languages, without diacritics. */
const HEADING =
  /^(?:curriculum(?: vitae)?|c ?v|resume|lebenslauf|bewerbung|personliche daten|profil\w*|personal (?:details|information|data)|contact\w*|kontakt\w*|contatt\w*|coordonnees|about(?: me)?|summary|objective|(?:work |professional )?experience|berufserfahrung|experiences?(?: professionnelles?)?|experiencia(?: laboral)?|esperienz\w*|doswiadczenie\w*|education|ausbildung|formation|formacion|formazione|wyksztalcenie|skills|kenntnisse|competences|datos personales|dati personali|zivotopis|zyciorys|hoja de vida|резюме|履歴書|職務経歴書|简历|個人簡歷|이력서)$/u;
const HEADING_BEFORE =
  /^(?:curriculum vitae|c\.?v\.?|résumé|resume|lebenslauf|životopis|резюме)\s*(?:of|von|de|di|:|–|—|-|\||\s)\s*/iu;
const NAME_LABEL =
  /^(?:full name|name|vor- und nachname|nom(?: et prénom)?|nombre(?: y apellidos)?|nome(?: e cognome)?|imię i nazwisko|jméno(?: a příjmení)?|ім['’]я|имя|фио|氏名|名前|姓名|이름|성명)\s*[::]\s*/iu;
const TITLES =
  /^(?:(?:dr|prof|mag|ing|dipl|mr|mrs|ms|mx|m|mme|herr|frau|sr|sra|ph ?d|msc|bsc|mba)\b\.?(?:-ing\.?)?\s*)+|(?:,\s*(?:ph\.?d|m\.?sc|b\.?sc|mba|m\.?d|jr|sr)\.?)+$/giu;
const WORD = /^(?:[dl]['’])?\p{Lu}[\p{L}\p{M}]*(?:[-'’.]\p{L}[\p{L}\p{M}]*)*\.?$/u;
const PARTICLE =
  /^(?:von|van|vom|zu|zur|der|den|de|di|da|del|della|do|dos|du|la|le|el|al|bin|ibn|ben|ter|ten|y|e|i)$/u;
const EAST_ASIAN =
  /^[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Hang}ー・]{1,8}(?: [\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Hang}ー・]{1,8})?$/u;
/** In a line of capitalized words, these indicate a profession instead of a person. */
const PROFESSION =
  /engineer|develop|manager|designer|consultant|analyst|student|director|entwickler|ingenieur|leiter|berater|ingenier|desarrollador|developpeur|chef |responsable|programmer|architect|scientist|nurse|teacher|university|gmbh|\b(?:inc|ltd|street|strasse|str)\b/;

export interface Contacts {
  /** As written. `null` if no line looks like a name. */
  readonly name: string | null;
  readonly emails: readonly string[];
  /** `+` and digits for international numbers. Others as written, because their country is unknown. */
  readonly phones: readonly string[];
  readonly links: readonly string[];
}

export function findContacts(text: string): Contacts {
  // NFKC converts full-width digits and the ligatures of PDFs to ordinary characters.
  const head = text.slice(0, MAX_CHARACTERS).normalize("NFKC");
  const emails = findEmails(head);
  return { name: findName(head, emails), emails, phones: findPhones(head), links: findLinks(head) };
}

export function findEmails(text: string): string[] {
  const withoutLinks = text.replace(/https?:\/\/\S+/gi, " ");
  return distinct([...withoutLinks.matchAll(EMAIL)].map(([email]) => email.toLowerCase()));
}

export function findLinks(text: string): string[] {
  const links = [...text.matchAll(LINK)].flatMap(([found]) => {
    const trimmed = found.replace(/[.:!?)\]}]+$/, "");
    const url = URL.parse(/^https?:/i.test(trimmed) ? trimmed : `https://${trimmed}`);
    return url?.hostname.includes(".") && url.username === "" ? [url.href] : [];
  });
  return distinct(links);
}

export function findPhones(text: string): string[] {
  const phones = [...text.matchAll(PHONE)].flatMap(({ 0: found, index }) => {
    const written = found.replace(/\s+/g, " ").trim();
    const digits = written.replace(/^\+?00(?=[1-9])|\D/g, "").length;
    if (digits < MIN_DIGITS || digits > MAX_DIGITS || DATE.test(written)) return [];
    const isInternational = /^(?:\+|00[1-9])/.test(written);
    const isLabelled = PHONE_LABEL.test(text.slice(Math.max(0, index - 40), index));
    if (!isInternational && !isLabelled && !/^[(0]/.test(written)) return [];
    if (!isInternational) return [written];
    // The 0 in brackets is only dialled within the country: +49 (0)30.
    return [`+${written.replace(/\(0\)/, "").replace(/^00/, "").replace(/\D/g, "")}`];
  });
  return distinct(phones);
}

/** The first line near the top that looks like a name. One that matches an e-mail address takes precedence. */
export function findName(text: string, emails: readonly string[]): string | null {
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const names = lines.slice(0, 15).flatMap((line) => {
    const labelled = NAME_LABEL.test(line);
    const [first = ""] = line
      .replace(NAME_LABEL, "")
      .replace(HEADING_BEFORE, "")
      .split(/\s*[|•·\t]\s*|\s{3,}/);
    const name = first.replace(TITLES, "").replace(TITLES, "").trim();
    return isName(name) ? [{ name, labelled }] : [];
  });
  const owners = emails.map((email) => fold(email.split("@")[0] ?? ""));
  const isOwner = (name: string) =>
    fold(name)
      .split(/[^\p{L}]+/u)
      .some((word) => word.length > 2 && owners.some((owner) => owner.includes(word)));
  const best = names.find(({ labelled }) => labelled) ?? names.find(({ name }) => isOwner(name));
  return (best ?? names[0])?.name ?? null;
}

function isName(line: string): boolean {
  if (line.length > 60 || HEADING.test(fold(line)) || PROFESSION.test(fold(line))) return false;
  if (EAST_ASIAN.test(line)) return line.length > 1;
  const words = line.split(/\s+/);
  const proper = words.filter((word) => WORD.test(word));
  return (
    words.length <= 8 &&
    proper.length >= 2 &&
    words.every((word) => WORD.test(word) || PARTICLE.test(word))
  );
}

/** Lower case without diacritics: Łódź becomes lodz. */
function fold(text: string): string {
  const plain = text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "");
  return plain.replaceAll("ł", "l").replaceAll("ß", "ss").replaceAll("ø", "o").replaceAll("ı", "i");
}

function distinct(found: readonly string[]): string[] {
  return [...new Set(found)].slice(0, MAX_FOUND);
}
