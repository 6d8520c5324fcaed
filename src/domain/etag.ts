/** The entity tag of a file: its SHA-256 in quotes, so it stays the same wherever the bytes lie. */
export function formatEtag(sha256: string): string {
  return `"${sha256}"`;
}

/** The entity tag of an upload object: another one with every change of its record. */
export function formatRevisionTag(revision: number): string {
  return `"r${revision}"`;
}

/** One entity tag of a list: `"…"`, perhaps weak, as RFC 9110, 8.8.3 has it. */
const ENTITY_TAG = /(W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g;

/** Whether `If-None-Match` names `etag` (weak comparison, RFC 9110, 13.1.2). */
export function ifNoneMatchNames(header: string, etag: string): boolean {
  if (header.trim() === "*") return true;
  return (header.match(ENTITY_TAG) ?? []).some((tag) => tag.replace(/^W\//, "") === etag);
}

/** Whether `If-Match` names `etag` (strong comparison, RFC 9110, 13.1.1). */
export function ifMatchNames(header: string, etag: string): boolean {
  if (header.trim() === "*") return true;
  return (header.match(ENTITY_TAG) ?? []).some((tag) => tag === etag);
}
