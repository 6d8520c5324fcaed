/**
 * The client of Stowage: for browsers, Node, Deno, Bun and Workers. It needs nothing but `fetch`.
 *
 * @module stowage/client
 */

import { followEvents, type UploadEvent } from "./client/events.ts";
import type { UploadSource } from "./client/form.ts";
import { type InCamelCase, toQuery, toSnakeCase } from "./client/names.ts";
import { type ClientOptions, Transport } from "./client/transport.ts";
import { type UploadOptions, uploadCall } from "./client/upload-call.ts";
import type { BodyOf, QueryOf, ResponseOf, StowageApi } from "./http/api.ts";

export type { UploadProgress } from "./client/form.ts";
export { type ApiErrorCode, StowageApiError } from "./client/stowage-api-error.ts";
export type {
  BodyOf,
  ClientOptions,
  QueryOf,
  ResponseOf,
  StowageApi,
  UploadEvent,
  UploadOptions,
  UploadSource,
};

/** The upload object. */
export type Upload = ResponseOf<"get /upload/{id}">;
/** A page of uploads. */
export type UploadPage = ResponseOf<"get /upload">;
/** What the processors have found. */
export type ProcessingResult = ResponseOf<"get /upload/{id}/result">;

/** What every call may be given. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Which uploads to list: the parameters of the route, in camel case; times also as `Date`, numbers as such. */
export type ListOptions = CallOptions & InCamelCase<QueryOf<"get /upload">>;

/**
 * What to change of an upload. What is left out stays, members of `metadata` too; what is `null` goes (RFC 7396).
 */
export type UploadChanges = InCamelCase<BodyOf<"patch /upload/{id}">>;

/** A file to download. */
export interface DownloadOptions extends CallOptions {
  /** From `start` up to, but not including, `end`; or the `last` bytes. */
  readonly range?:
    | { readonly start: number; readonly end?: number | undefined }
    | { readonly last: number }
    | undefined;
  /** To be shown in place, where its type is harmless. */
  readonly inline?: boolean | undefined;
}

/**
 * A client for one caller.
 *
 * @example
 * ```ts
 * const stowage = createClient({ baseUrl: "https://files.example.com", token: key });
 * const { id } = await stowage.upload(file, { autoProcess: true });
 * const upload = await stowage.waitFor(id);
 * if (upload.status === "processed") console.log(await stowage.text(id));
 * ```
 */
export function createClient(options: ClientOptions): StowageClient {
  return new StowageClient(options);
}

/**
 * The calls of the API. Each of them throws `StowageApiError` for whatever is no success, and the reason of
 * its `signal` once that is aborted. Calls that only read are tried again where that may help, and so are
 * uploads whose file can be read again; calls that change something else are not.
 */
export class StowageClient {
  readonly #transport: Transport;
  readonly #ownFetch: boolean;

  constructor(options: ClientOptions) {
    this.#transport = new Transport(options);
    this.#ownFetch = options.fetch !== undefined;
  }

  /**
   * Store a file. Resolves once it is durable.
   *
   * @throws {TypeError} Without a filename.
   */
  async upload(source: UploadSource, options: UploadOptions = {}): Promise<Upload> {
    return await this.#transport.call(
      await uploadCall(source, options, this.#ownFetch),
      toJson<Upload>,
    );
  }

  /** @throws {StowageApiError} `upload_not_found` */
  async get(id: string, options: CallOptions = {}): Promise<Upload> {
    return await this.#read(pathOf(id), options, toJson<Upload>);
  }

  /** Uploads, newest first; `limit` is the length of a page. The next page is asked for when it is needed. */
  async *list(options: ListOptions = {}): AsyncGenerator<Upload, void, undefined> {
    let { cursor } = options;
    do {
      const page = await this.listPage({ ...options, cursor });
      yield* page.items;
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined);
  }

  /** One page of them, and where the next one begins. */
  async listPage({ signal, ...query }: ListOptions = {}): Promise<UploadPage> {
    return await this.#read(`/upload${toQuery(query)}`, { signal }, toJson<UploadPage>);
  }

  /** Change metadata or time of expiry. */
  async update(id: string, changes: UploadChanges, options: CallOptions = {}): Promise<Upload> {
    return await this.#send("PATCH", pathOf(id), toSnakeCase(changes), options);
  }

  /** Delete the file, what was found in it, and its record. */
  async delete(id: string, { signal }: CallOptions = {}): Promise<void> {
    const call = { method: "DELETE", path: pathOf(id), signal, repeatable: false };
    await this.#transport.call(call, () => {});
  }

  /** The file, or a range of it, as an answer of `fetch` whose body has yet to be read. */
  async download(id: string, options: DownloadOptions = {}): Promise<Response> {
    const { range, inline, ...rest } = options;
    const path = `${pathOf(id)}/file${inline === true ? "?inline=1" : ""}`;
    const headers = range === undefined ? {} : { Range: toRange(range) };
    return await this.#read(path, { ...rest, headers }, (response) => response);
  }

  /** Process it again, with all processors that read its type or with those that are named. */
  async reprocess(
    id: string,
    { signal, ...body }: CallOptions & BodyOf<"post /upload/{id}/reprocess"> = {},
  ): Promise<Upload> {
    return await this.#send("POST", `${pathOf(id)}/reprocess`, body, { signal });
  }

  /** What the processors have found, texts included. */
  async result(id: string, options: CallOptions = {}): Promise<ProcessingResult> {
    return await this.#read(`${pathOf(id)}/result`, options, toJson<ProcessingResult>);
  }

  /** The text that was found in it. @throws {StowageApiError} `text_not_ready`, `text_not_found` */
  async text(
    id: string,
    { signal, ...query }: CallOptions & QueryOf<"get /upload/{id}/text"> = {},
  ): Promise<string> {
    const path = `${pathOf(id)}/text${toQuery(query)}`;
    return await this.#read(path, { signal }, (response) => response.text());
  }

  /** What has happened to an upload, and what happens, until it is at rest. A broken connection is made anew. */
  events(
    id: string,
    { signal, after }: CallOptions & { readonly after?: string | undefined } = {},
  ): AsyncGenerator<UploadEvent, void, undefined> {
    return followEvents(this.#transport, `${pathOf(id)}/events`, after, signal);
  }

  /** The upload, once it is at rest: `stored`, `processed`, `failed` or `quarantined`. */
  async waitFor(id: string, options: CallOptions = {}): Promise<Upload> {
    for await (const _ of this.events(id, options));
    return await this.get(id, options);
  }

  async #read<Result>(
    path: string,
    { signal, headers = {} }: CallOptions & { readonly headers?: Record<string, string> },
    read: (response: Response) => Result | Promise<Result>,
  ): Promise<Result> {
    const call = { method: "GET", path, headers, signal, repeatable: true };
    return await this.#transport.call(call, read);
  }

  async #send(
    method: string,
    path: string,
    json: unknown,
    { signal }: CallOptions,
  ): Promise<Upload> {
    const headers = { "Content-Type": "application/json" };
    const body = () => JSON.stringify(json);
    const call = { method, path, headers, body, signal, repeatable: false };
    return await this.#transport.call(call, toJson<Upload>);
  }
}

async function toJson<Value>(response: Response): Promise<Value> {
  return (await response.json()) as Value;
}

/** `.` and `..` would lead somewhere else: URLs know them even encoded. */
function pathOf(id: string): string {
  if (!/^\.{0,2}$/.test(id)) return `/upload/${encodeURIComponent(id)}`;
  throw new TypeError("Cannot find upload: expected an id");
}

/** RFC 9110, 14.1.2: the end is included there. */
function toRange(range: NonNullable<DownloadOptions["range"]>): string {
  if ("last" in range) return `bytes=-${range.last}`;
  return `bytes=${range.start}-${range.end === undefined ? "" : range.end - 1}`;
}
