import * as stowage from "stowage/driver";

/** A file or a folder, as the server describes it. The key of a folder ends with a slash. */
export interface Entry extends stowage.StoredObject {
  readonly isFolder: boolean;
}

interface Request {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: stowage.ByteStream;
  readonly signal?: AbortSignal | undefined;
  /** Statuses besides 2xx that the caller wants to see. */
  readonly accept?: readonly number[];
}

const CODES: Readonly<Record<number, stowage.ErrorCode>> = {
  400: "invalid_key", // Apache, where the path leads through a file
  401: "storage_access_denied",
  403: "storage_access_denied",
  404: "object_not_found",
  405: "invalid_key",
  409: "invalid_key",
  412: "object_exists",
  507: "storage_full",
};

/** As much of WebDAV (RFC 4918) as a storage needs. Keys are paths below a folder of the server. */
export class DavClient {
  readonly #server: string;
  readonly #root: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #fetch: typeof globalThis.fetch;

  constructor(
    place: { readonly server: string; readonly path: string; readonly authorization?: string },
    fetch: typeof globalThis.fetch,
  ) {
    this.#server = place.server.replace(/\/*$/, "/");
    this.#root = `${this.#server}${encode(place.path)}`.replace(/\/*$/, "/");
    this.#headers = place.authorization ? { authorization: place.authorization } : {};
    this.#fetch = fetch;
  }

  async send(method: string, key: string, request: Request = {}): Promise<Response> {
    return await this.#send(method, this.#urlOf(key), request);
  }

  /** The file that is there, or `null`. */
  async find(key: string, signal?: AbortSignal): Promise<Entry | null> {
    const [entry] = await this.#ask(this.#urlOf(key), "0", signal);
    return entry === undefined || entry.isFolder ? null : entry;
  }

  /** Files whose key begins with `prefix`, in the order of keys from behind `after`, folder by folder. */
  async *walk(
    prefix: string,
    after: string,
    signal?: AbortSignal,
    folder = prefix.slice(0, prefix.lastIndexOf("/") + 1),
  ): AsyncGenerator<Entry> {
    // No key has such a segment, and a server would go to another folder for it.
    if (/(?:^|\/)\.{0,2}\//.test(folder)) return;
    const entries = await this.#ask(this.#urlOf(folder), "1", signal);
    for (const entry of entries.sort((a, b) => stowage.compareUtf8(a.key, b.key))) {
      const { key, isFolder } = entry;
      if (key === folder || !(key.startsWith(prefix) || prefix.startsWith(key))) continue;
      const isBehind = stowage.compareUtf8(key, after) > 0;
      if (!isFolder && isBehind && key.startsWith(prefix)) yield entry;
      if (isFolder && (isBehind || after.startsWith(key)) && !isOwn(key, prefix)) {
        yield* this.walk(prefix, after, signal, key);
      }
    }
  }

  /** MKCOL makes one folder at a time: first the deepest, and those above it only where they are missing. */
  async makeFolder(folder: string): Promise<void> {
    await this.#makeFolder(this.#urlOf(folder));
  }

  async #makeFolder(url: string): Promise<void> {
    const { status } = await this.#send("MKCOL", url, { accept: [403, 405, 409] });
    // 405: it is there. 409: what it should lie in is not. 403 is Apache's word for "there since a moment ago".
    if (status === 409 && url !== this.#server) {
      await this.#makeFolder(new URL("..", url).href);
      await this.#send("MKCOL", url, { accept: [403, 405] });
    } else if (status === 403 && !(await this.#isFolder(url))) {
      throw failure("storage_access_denied", "it refuses to make a folder");
    }
  }

  async #isFolder(url: string): Promise<boolean> {
    return (await this.#ask(url, "0"))[0]?.isFolder === true;
  }

  async #ask(url: string, depth: string, signal?: AbortSignal): Promise<Entry[]> {
    const request = { headers: { depth }, signal, accept: [400, 404] };
    const xml = await (await this.#send("PROPFIND", url, request)).text();
    const entries = xml.match(/<(?:\w+:)?response[\s>][\s\S]*?<\/(?:\w+:)?response>/g) ?? [];
    return entries.map((entry) => this.#read(entry));
  }

  #read(xml: string): Entry {
    const text = (name: string) =>
      unescapeXml(new RegExp(`<(?:\\w+:)?${name}(?:\\s[^>]*)?>([^<]*)<`).exec(xml)?.[1] ?? "");
    const isFolder = /<(?:\w+:)?collection\b/.test(xml);
    const path = pathOf(new URL(text("href"), this.#root));
    const key = path.slice(pathOf(new URL(this.#root)).length).replace(/\/+$/, "");
    return {
      key: (isFolder && key !== "" ? `${key}/` : key) as stowage.ObjectKey,
      sizeBytes: Number(text("getcontentlength")),
      version: versionOf(text("getetag")),
      modifiedAt: Date.parse(text("getlastmodified")),
      isFolder,
    };
  }

  #urlOf(key: string): string {
    return this.#root + encode(key);
  }

  async #send(method: string, url: string, request: Request): Promise<Response> {
    const { headers, body, signal, accept = [] } = request;
    stowage.throwIfAborted(signal);
    const broken: { error: unknown }[] = [];
    const init = {
      method,
      redirect: "error" as const,
      headers: { ...this.#headers, ...headers },
      ...(signal && { signal }),
      ...(body && { body: ReadableStream.from(noting(body, broken)), duplex: "half" as const }),
    };
    const response = await this.#fetch(url, init).catch((cause) => {
      for (const { error } of broken) throw error;
      stowage.throwIfAborted(signal);
      throw failure("storage_unavailable", "the server cannot be reached", cause);
    });
    if (response.ok || accept.includes(response.status)) return response;
    await response.body?.cancel();
    const code = CODES[response.status] ?? "storage_unavailable";
    throw failure(code, `it answers ${method} with ${response.status}`);
  }
}

/** A failing body fails `fetch` with an error of fetch's own: the body's is kept. */
async function* noting(
  body: stowage.ByteStream,
  broken: { error: unknown }[],
): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    broken.push({ error });
    throw error;
  }
}

/** Until a file is older than the clock is coarse, its tag is called weak: it is the same file all the same. */
export function versionOf(etag: string | null): string {
  return (etag ?? "").replace(/^W\//, "");
}

export function failure(code: stowage.ErrorCode, found: string, cause?: unknown): Error {
  const retryable = code === "storage_unavailable";
  return new stowage.StowageError(code, `Cannot use WebDAV: ${found}`, { cause, retryable });
}

/** Every byte that a server or a parser might read its own way: `/` alone parts segments. */
function encode(key: string): string {
  return key.split("/").map(stowage.percentEncode).join("/");
}

function pathOf(url: URL): string {
  return decodeURIComponent(url.pathname);
}

/** Stowage's own folder is walked only where it is asked for. */
function isOwn(key: string, prefix: string): boolean {
  const own = `${stowage.OWN_FOLDER}/`;
  return key === own && !prefix.startsWith(own);
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};

function unescapeXml(xml: string): string {
  return xml.replaceAll(/&(\w+);/g, (whole, name) => ENTITIES[name] ?? whole);
}
