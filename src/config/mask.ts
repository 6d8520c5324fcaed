/** Keeps a value in a message to one short line. */
const MAX_SHOWN = 120;

/**
 * A setting's value, safe to show: secrets, credentials in URLs and options that look secret are masked,
 * control characters escaped, and the value cut to one line.
 */
export function mask(value: string, secret: boolean): string {
  if (secret) return `*** (${new TextEncoder().encode(value).byteLength} bytes)`;
  const shown = value
    // Greedy: a password may contain a slash.
    .replace(/(:\/\/)\S*@/g, "$1***@")
    .replace(/([?&][^=&\s,]*(?:secret|token|password|key)=)[^&\s,]*/gi, "$1***");
  const cut = shown.length > MAX_SHOWN ? `${shown.slice(0, MAX_SHOWN)}…` : shown;
  return JSON.stringify(cut);
}
