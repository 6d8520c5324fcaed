/** `fetch failed` wraps what failed, which may wrap it once more. */
export const MAX_CAUSES = 8;

/**
 * What lies under an error, outermost first, in brackets: ` (fetch failed: connect ECONNREFUSED 127.0.0.1:6379)`.
 * Empty where there is nothing, or where the message has said it already. Causes are of anybody's making: redact
 * what is shown.
 */
export function describeCause({ message, cause }: Error): string {
  const told: string[] = [];
  let current = cause;
  for (let depth = 0; depth < MAX_CAUSES && current instanceof Error; depth += 1) {
    const { code } = current as { code?: unknown };
    const name = typeof code === "string" ? code : "";
    // Where every address of a host has failed there is a code, and no message.
    const text = current.message.trim().replaceAll(/\s+/g, " ") || name;
    const said = [message, ...told];
    const known = said.some((line) => line.endsWith(text) || (name !== "" && line.includes(name)));
    if (!known) told.push(text);
    current = current.cause;
  }
  return told.length === 0 ? "" : ` (${told.join(": ")})`;
}
