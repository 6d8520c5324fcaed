/** `fetch failed` wraps the actual error, which may wrap another. */
export const MAX_CAUSES = 8;

/**
 * The causes of an error, outermost first, in brackets: ` (fetch failed: connect ECONNREFUSED 127.0.0.1:6379)`.
 * Empty if there are none, or if the message contains them. Third-party code may throw causes: redact them before
 * you show them.
 */
export function describeCause({ message, cause }: Error): string {
  const reported: string[] = [];
  let current = cause;
  for (let depth = 0; depth < MAX_CAUSES && current instanceof Error; depth += 1) {
    const { code } = current as { code?: unknown };
    const name = typeof code === "string" ? code : "";
    // When every address of a host fails, the error has a code but no message.
    const text = current.message.trim().replaceAll(/\s+/g, " ") || name;
    const known = [message, ...reported].some(
      (line) => line.endsWith(text) || (name !== "" && line.includes(name)),
    );
    if (!known) reported.push(text);
    current = current.cause;
  }
  return reported.length === 0 ? "" : ` (${reported.join(": ")})`;
}
