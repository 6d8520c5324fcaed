/** The entity tag of a file: its SHA-256 in quotes. It is the same in every storage. */
export function formatEtag(sha256: string): string {
  return `"${sha256}"`;
}

/** The entity tag of an upload object. It changes with every change of the record. */
export function formatRevisionTag(revision: number): string {
  return `"r${revision}"`;
}

/** One entity tag of a list: `"…"` or, weak, `W/"…"` (RFC 9110, 8.8.3). */
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
