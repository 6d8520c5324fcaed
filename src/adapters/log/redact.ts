/** What stands where a secret stood. It holds no character of any secret, so it is never taken for one. */
const HIDDEN = "***";

/** More passes than any text needs to settle: each secret that is found can uncover only what held it. */
const MAX_PASSES = 8;

/** An AWS secret key is 40 characters of base64; so is many an innocent path, but not with all three. */
const AWS_SECRET = /(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])/g;

/** Shapes of secrets, each with what to put in its place. */
const SHAPES: readonly (readonly [RegExp, string | ((match: string) => string)])[] = [
  [
    /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|$)/gs,
    HIDDEN,
  ],
  // Credentials of an Authorization header (RFC 9110, 11.6.2).
  [/\b(Bearer|Basic)(\s+)[A-Za-z0-9\-._~+/=]{6,}/gi, `$1$2${HIDDEN}`],
  // Our own keys keep the half that is public.
  [/(stw_[0-9A-Za-z]+_)[A-Za-z0-9_-]{16,}/g, `$1${HIDDEN}`],
  // A JWT or JWE in compact form: `{"` is `eyJ` in base64.
  [/eyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*){2,4}/g, HIDDEN],
  // User and password in an address (RFC 3986, 3.2.1).
  [/(:\/\/)[^\s/@"']+@/g, `$1${HIDDEN}@`],
  // Signed and tokened addresses, environment dumps: `X-Amz-Signature=…`, `AWS_SECRET_ACCESS_KEY=…`.
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

/** Names of fields whose text is a secret whatever it looks like. */
const SECRET_NAME =
  /authorization|cookie|secret|passw(or)?d|token|api[-_]?key|credential|private[-_]?key/i;

/**
 * `text` with everything that looks like a secret hidden: the last line of defence, for what should not
 * have been logged in the first place. Total, and idempotent.
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

/** The text of the field `name`, hidden if either says that it is a secret. */
export function redactField(name: string, text: string): string {
  return SECRET_NAME.test(name) && text !== "" ? HIDDEN : redact(text);
}

function isMixed(text: string): boolean {
  return /[A-Z]/.test(text) && /[a-z]/.test(text) && /\d/.test(text);
}
