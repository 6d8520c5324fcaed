import { Agent, request } from "undici";
import type { Target } from "../client.ts";
import { inLanes, seconds } from "../s3/measure.ts";
import type { BenchDocument } from "./corpus.ts";

/** Simultaneous uploads. The service processes fewer at once. */
const LANES = 4;
const POLL_INTERVAL_MS = 5;

/** Sends documents through the whole service, from upload to text. */
export class ServiceClient {
  readonly #target: Target;
  readonly #agent = new Agent();

  constructor(target: Target) {
    this.#target = target;
  }

  /** @returns Seconds until all `count` documents were processed. */
  async process(documents: readonly BenchDocument[], count: number): Promise<number> {
    return await seconds(async () => {
      const ids: string[] = [];
      await inLanes(LANES, count, async (index) => {
        const document = documents[index % documents.length];
        if (document !== undefined) ids[index] = await this.#upload(document);
      });
      for (const id of ids) await this.#processed(id);
    });
  }

  close(): Promise<void> {
    return this.#agent.close();
  }

  async #upload({ bytes, contentType, extension }: BenchDocument): Promise<string> {
    const path = `/api/v1/upload/bench${extension}?auto_process=true`;
    return (await this.#send("PUT", path, { body: bytes, contentType })).id;
  }

  async #processed(id: string): Promise<void> {
    for (;;) {
      const { status } = await this.#send("GET", `/api/v1/upload/${id}`);
      if (status === "processed") return;
      if (status === "failed") throw new Error("Cannot measure the service: a document failed");
      await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
    }
  }

  async #send(
    method: "GET" | "PUT",
    path: string,
    { body = null, contentType = "" }: { body?: Uint8Array | null; contentType?: string } = {},
  ): Promise<{ id: string; status: string }> {
    const { url, key = "" } = this.#target;
    const answer = await request(url + path, {
      method,
      body,
      dispatcher: this.#agent,
      headers: { authorization: `Bearer ${key}`, ...(body && { "content-type": contentType }) },
    });
    const text = await answer.body.text();
    if (answer.statusCode >= 300)
      throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`);
    return JSON.parse(text) as { id: string; status: string };
  }
}
