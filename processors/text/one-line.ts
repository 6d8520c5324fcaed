/** White space as single spaces, none of it at the ends. Most texts are so already; to see it is much cheaper. */
export function oneLine(text: string): string {
  return /[^\S ]| {2}/.test(text) ? text.replace(/\s+/g, " ").trim() : text.trim();
}
