/**
 * The client of Stowage, for browsers, Node, Deno, Bun and Workers. It needs only `fetch`.
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
/** The results of processing. */
export type ProcessingResult = ResponseOf<"get /upload/{id}/result">;

/** Options of every call. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Which uploads to list: the query parameters in camel case. Times may be a `Date`, numbers a `number`. */
export type ListOptions = CallOptions & InCamelCase<QueryOf<"get /upload">>;

/**
 * Changes to an upload (RFC 7396). Omitted fields and members of `metadata` stay as they are; `null` removes.
 */
export type UploadChanges = InCamelCase<BodyOf<"patch /upload/{id}">>;

/** Options of a download. */
export interface DownloadOptions extends CallOptions {
  /** From `start` up to but excluding `end`, or the `last` bytes. */
  readonly range?:
    | { readonly start: number; readonly end?: number | undefined }
    | { readonly last: number }
    | undefined;
  /** Let browsers display the file, if its type is safe. */
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
 * The calls of the API. Each throws `StowageApiError` if it fails, and the reason of its `signal` if that is
 * aborted. Reads are retried if that may help, and so are uploads whose source can be read again. Other calls are
 * not retried.
 */
export class StowageClient {
  readonly #transport: Transport;
  readonly #ownFetch: boolean;

  constructor(options: ClientOptions) {
    this.#transport = new Transport(options);
    this.#ownFetch = options.fetch !== undefined;
  }

  /**
   * Upload a file. Resolves when it is stored durably.
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

  /** List uploads, newest first, fetching pages as needed. `limit` is the page size. */
  async *list(options: ListOptions = {}): AsyncGenerator<Upload, void, undefined> {
    let { cursor } = options;
    do {
      const page = await this.listPage({ ...options, cursor });
      yield* page.items;
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined);
  }

  /** Get one page of the list, with the cursor of the next. */
  async listPage({ signal, ...query }: ListOptions = {}): Promise<UploadPage> {
    return await this.#read(`/upload${toQuery(query)}`, { signal }, toJson<UploadPage>);
  }

  /** Change the metadata or expiry of an upload. */
  async update(id: string, changes: UploadChanges, options: CallOptions = {}): Promise<Upload> {
    return await this.#send("PATCH", pathOf(id), toSnakeCase(changes), options);
  }

  /** Delete an upload with its file and results. */
  async delete(id: string, { signal }: CallOptions = {}): Promise<void> {
    const call = { method: "DELETE", path: pathOf(id), signal, repeatable: false };
    await this.#transport.call(call, () => {});
  }

  /** Download the file or a range of it, as an unread `Response`. */
  async download(id: string, options: DownloadOptions = {}): Promise<Response> {
    const { range, inline, ...rest } = options;
    const path = `${pathOf(id)}/file${inline === true ? "?inline=1" : ""}`;
    const headers = range === undefined ? {} : { Range: toRange(range) };
    return await this.#read(path, { ...rest, headers }, (response) => response);
  }

  /** Process an upload again, with all processors that accept its type, or with those you name. */
  async reprocess(
    id: string,
    { signal, ...body }: CallOptions & BodyOf<"post /upload/{id}/reprocess"> = {},
  ): Promise<Upload> {
    return await this.#send("POST", `${pathOf(id)}/reprocess`, body, { signal });
  }

  /** Get the results of processing, including texts. */
  async result(id: string, options: CallOptions = {}): Promise<ProcessingResult> {
    return await this.#read(`${pathOf(id)}/result`, options, toJson<ProcessingResult>);
  }

  /** Get the text of the file. @throws {StowageApiError} `text_not_ready`, `text_not_found` */
  async text(
    id: string,
    { signal, ...query }: CallOptions & QueryOf<"get /upload/{id}/text"> = {},
  ): Promise<string> {
    const path = `${pathOf(id)}/text${toQuery(query)}`;
    return await this.#read(path, { signal }, (response) => response.text());
  }

  /** Past and future events of an upload until it is settled. Reconnects if the connection breaks. */
  events(
    id: string,
    { signal, after }: CallOptions & { readonly after?: string | undefined } = {},
  ): AsyncGenerator<UploadEvent, void, undefined> {
    return followEvents(this.#transport, `${pathOf(id)}/events`, after, signal);
  }

  /** Wait until the upload is settled: `stored`, `processed`, `failed` or `quarantined`. */
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

/** Rejects `.` and `..`, which URLs resolve even when they are encoded. */
function pathOf(id: string): string {
  if (!/^\.{0,2}$/.test(id)) return `/upload/${encodeURIComponent(id)}`;
  throw new TypeError("Cannot find upload: expected an id");
}

/** Headers include the end (RFC 9110, 14.1.2). */
function toRange(range: NonNullable<DownloadOptions["range"]>): string {
  if ("last" in range) return `bytes=-${range.last}`;
  return `bytes=${range.start}-${range.end === undefined ? "" : range.end - 1}`;
}
