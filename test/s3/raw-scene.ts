import { createHash } from "node:crypto";
import type { S3Endpoint } from "./endpoint.ts";
import {
  ask,
  type RawAnswer,
  type RawRequest,
  type SigningOptions,
  send,
  sign,
  type Wish,
} from "./raw-request.ts";

/** Raw requests about one bucket of a server. */
export class Scene {
  readonly server: S3Endpoint;
  readonly bucket: string;

  constructor(server: S3Endpoint, bucket: string) {
    this.server = server;
    this.bucket = bucket;
  }

  wish(method: string, key: string, rest: Omit<Wish, "method" | "path"> = {}): Wish {
    return { method, path: `/${this.bucket}${key && `/${key}`}`, ...rest };
  }

  async ask(
    method: string,
    key: string,
    rest: Omit<Wish, "method" | "path"> = {},
    options: SigningOptions = {},
  ): Promise<RawAnswer> {
    return await ask(this.server, this.wish(method, key, rest), options);
  }

  async put(key: string, body = "0123456789"): Promise<RawAnswer> {
    return await this.ask("PUT", key, { body });
  }

  /** Sign a put, and send it otherwise. */
  async tamper(change: (raw: RawRequest) => Partial<RawRequest>): Promise<RawAnswer> {
    const headers = { "x-amz-meta-a": "1" };
    const raw = await sign(this.server, this.wish("PUT", "tampered", { body: "body", headers }));
    return await send(this.server, { ...raw, ...change(raw) });
  }

  async deletion(keys: readonly string[], headers?: Record<string, string>): Promise<RawAnswer> {
    const objects = keys.map((key) => `<Object><Key>${key}</Key></Object>`).join("");
    const body = `<Delete>${objects}</Delete>`;
    const md5 = createHash("md5").update(body).digest("base64");
    const wish = { query: "delete=", body, headers: headers ?? { "content-md5": md5 } };
    return await this.ask("POST", "", wish);
  }

  /** Upload two small parts, and complete with the numbers and ETags that `choose` makes of them. */
  async complete(
    choose: (etags: readonly string[]) => readonly (readonly [number, string])[],
    headers: Record<string, string> = {},
    bodies: readonly string[] = ["head", "tail"],
  ): Promise<RawAnswer> {
    const key = `parts-${choose.toString().length}-${Object.keys(headers).length}`;
    if (headers["if-none-match"]) await this.put(key);
    const { text } = await this.ask("POST", key, { query: "uploads=" });
    const id = /<UploadId>([^<]*)/.exec(text)?.[1];
    const etags: string[] = [];
    for (const [i, body] of bodies.entries()) {
      const query = `partNumber=${i + 1}&uploadId=${id}`;
      etags.push((await this.ask("PUT", key, { query, body })).headers.etag ?? "");
    }
    const parts = choose(etags).map(
      ([number, etag]) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`,
    );
    const body = `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`;
    return await this.ask("POST", key, { query: `uploadId=${id}`, body, headers });
  }
}
