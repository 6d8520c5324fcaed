import { createHash } from "node:crypto";
import { expect } from "vitest";

/** A file as a caller downloads it. */
export interface Downloaded {
  readonly sizeBytes: number;
  /** Of the bytes that came. */
  readonly sha256: string;
  readonly etag: string | null;
  readonly lastModified: string | null;
}

interface UploadView {
  readonly id: string;
  readonly status: string;
  readonly filename: string;
}

/** A caller of a server that runs. */
export class ApiClient {
  readonly #base: string;
  readonly #headers: Record<string, string>;

  constructor(url: string, key: string) {
    this.#base = `${url}/api/v1/upload`;
    this.#headers = { authorization: `Bearer ${key}` };
  }

  /** @param query Such as `?auto_process=true`. @returns The upload's id. */
  async put(filename: string, body: Uint8Array, query = ""): Promise<string> {
    const path = `/${encodeURIComponent(filename)}${query}`;
    return ((await this.#json("PUT", path, 201, body)) as UploadView).id;
  }

  async get(id: string): Promise<UploadView> {
    return (await this.#json("GET", `/${id}`, 200)) as UploadView;
  }

  /** Filenames, newest first. */
  async names(): Promise<string[]> {
    const { items } = (await this.#json("GET", "?limit=200", 200)) as { items: UploadView[] };
    return items.map(({ filename }) => filename);
  }

  async file(id: string): Promise<Downloaded> {
    const answer = await this.send("GET", `/${id}/file`);
    expect(answer.status, id).toBe(200);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    return {
      sizeBytes: bytes.byteLength,
      sha256: createHash("sha256").update(bytes).digest("hex"),
      etag: answer.headers.get("etag"),
      lastModified: answer.headers.get("last-modified"),
    };
  }

  /** Queue it again, unless it is queued or running anyway. */
  async reprocess(id: string): Promise<void> {
    await this.#json("POST", `/${id}/reprocess`, 202);
  }

  /** Wait until it is processed. @returns The extracted text. */
  async text(id: string): Promise<unknown> {
    await expect
      .poll(async () => (await this.get(id)).status, { timeout: 30_000 })
      .toBe("processed");
    const result = await this.#json("GET", `/${id}/result`, 200);
    const { processors } = result as {
      processors: { name: string; output: { text?: unknown } }[];
    };
    return processors.find(({ name }) => name === "text")?.output.text;
  }

  async delete(id: string): Promise<void> {
    expect((await this.send("DELETE", `/${id}`)).status).toBe(204);
    expect((await this.send("GET", `/${id}/file`)).status).toBe(404);
  }

  /** @param path What follows `/upload`. */
  async send(
    method: string,
    path: string,
    body?: Uint8Array | ReadableStream<Uint8Array>,
  ): Promise<Response> {
    const init = {
      method,
      headers: this.#headers,
      body: (body as Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | undefined) ?? null,
      duplex: "half" as const,
    };
    return await fetch(`${this.#base}${path}`, init);
  }

  async #json(method: string, path: string, status: number, body?: Uint8Array): Promise<unknown> {
    const answer = await this.send(method, path, body);
    const text = await answer.text();
    expect(answer.status, text).toBe(status);
    return JSON.parse(text);
  }
}
