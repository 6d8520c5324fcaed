/** A value in a message stays one short line. */
const MAX_SHOWN = 120;

/**
 * A setting's value as it may be shown: secrets, credentials in addresses and secret-looking options
 * masked, control characters escaped, cut to a line.
 */
export function mask(value: string, secret: boolean): string {
  if (secret) return `*** (${new TextEncoder().encode(value).byteLength} bytes)`;
  const shown = value
    // Greedy: a password may hold a slash.
    .replace(/(:\/\/)\S*@/g, "$1***@")
    .replace(/([?&][^=&\s,]*(?:secret|token|password|key)=)[^&\s,]*/gi, "$1***");
  const cut = shown.length > MAX_SHOWN ? `${shown.slice(0, MAX_SHOWN)}…` : shown;
  return JSON.stringify(cut);
}
