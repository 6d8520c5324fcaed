/** Who sends a request: `nobody` shows no credential. */
export type Caller = "acme" | "other" | "reader" | "operator" | "expired" | "nobody";

/**
 * A request before it is bytes. `{id}` in it is an upload of the caller's, `{foreign}` one of another
 * tenant's, `{cursor}` and `{foreignCursor}` places in their lists, `{key:acme}` an API key.
 */
export interface Draft {
  readonly method: string;
  readonly path: string;
  readonly query: readonly (readonly [string, string])[];
  readonly headers: readonly (readonly [string, string])[];
  /** One character a byte. */
  readonly body: string | null;
  /** How long the chunks are that the body is sent in; `null` sends its length. */
  readonly chunks: readonly number[] | null;
}

/** As bytes, one character each. */
export function render({ method, path, query, headers, body, chunks }: Draft): string {
  const target = `${path}${query.map(([name, value], index) => `${index === 0 ? "?" : "&"}${name}=${value}`).join("")}`;
  const framing: [string, string][] = [];
  if (body !== null && chunks === null) framing.push(["Content-Length", String(body.length)]);
  if (body !== null && chunks !== null) framing.push(["Transfer-Encoding", "chunked"]);
  const lines = [...headers, ...framing].map(([name, value]) => `${name}: ${value}\r\n`);
  const sent = chunks === null || body === null ? (body ?? "") : inChunks(body, chunks);
  return `${method} ${target} HTTP/1.1\r\n${lines.join("")}\r\n${sent}`;
}

function inChunks(body: string, sizes: readonly number[]): string {
  let rest = body;
  let sent = "";
  for (const size of [...sizes, body.length]) {
    const chunk = rest.slice(0, size);
    if (chunk !== "") sent += `${chunk.length.toString(16)}\r\n${chunk}\r\n`;
    rest = rest.slice(size);
  }
  return `${sent}0\r\n\r\n`;
}
