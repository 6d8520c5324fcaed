/** Replaces a secret. It matches none of the patterns below, so it is never redacted again. */
const HIDDEN = "***";

/** More passes than any text needs: redacting one secret can only reveal the one around it. */
const MAX_PASSES = 8;

/** An AWS secret key is 40 characters of base64. So are many harmless paths, unless {@link isMixed}. */
const AWS_SECRET = /(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])/g;

/** Patterns of secrets, each with its replacement. */
const SHAPES: readonly (readonly [RegExp, string | ((match: string) => string)])[] = [
  [
    /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|$)/gs,
    HIDDEN,
  ],
  // Credentials of an Authorization header (RFC 9110, 11.6.2).
  [/\b(Bearer|Basic)(\s+)[A-Za-z0-9\-._~+/=]{6,}/gi, `$1$2${HIDDEN}`],
  // API keys of Stowage: the id stays, because it is public.
  [/(stw_[0-9A-Za-z]+_)[A-Za-z0-9_-]{16,}/g, `$1${HIDDEN}`],
  // A JWT or JWE in compact form: `{"` is `eyJ` in base64.
  [/eyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*){2,4}/g, HIDDEN],
  // User and password in a URL (RFC 3986, 3.2.1).
  [/(:\/\/)[^\s/@"']+@/g, `$1${HIDDEN}@`],
  // URLs with signatures or tokens, environment dumps: `X-Amz-Signature=…`, `AWS_SECRET_ACCESS_KEY=…`.
  [
    /((?:signature|credential|token|secret|passw(?:or)?d|api[-_]?key|access[-_]?key|sig)=)[^\s&"',;]+/gi,
    `$1${HIDDEN}`,
  ],
  // The same in JSON.
  [
    /((?:authorization|signature|credentials?|token|secret|passw(?:or)?d|api[-_]?key|access[-_]?key)"\s?:\s?")[^"\\]+/gi,
    `$1${HIDDEN}`,
  ],
  // Session tokens of AWS STS.
  [/(?:IQoJ|FwoG|FQoG)[A-Za-z0-9+/=_-]{60,}/g, HIDDEN],
  [AWS_SECRET, (match) => (isMixed(match) ? HIDDEN : match)],
];

/** Names of fields whose text is always a secret. */
const SECRET_NAME =
  /authorization|cookie|secret|passw(or)?d|token|api[-_]?key|credential|private[-_]?key/i;

/**
 * Hide everything in `text` that looks like a secret: the last defence, for what should never have been logged. Never
 * throws, and a second call changes nothing.
 */
export function redact(text: string): string {
  let shown = text;
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const before = shown;
    for (const [shape, put] of SHAPES) shown = shown.replace(shape, put as string);
    if (shown === before) break;
  }
  return shown;
}

/** The text of the field `name`, with secrets hidden: all of it if the name marks a secret. */
export function redactField(name: string, text: string): string {
  return SECRET_NAME.test(name) && text !== "" ? HIDDEN : redact(text);
}

function isMixed(text: string): boolean {
  return /[A-Z]/.test(text) && /[a-z]/.test(text) && /\d/.test(text);
}
