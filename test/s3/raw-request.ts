import { createHash } from "node:crypto";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { AwsV4Signer } from "aws4fetch";
import type { S3Endpoint } from "./endpoint.ts";

/** A request as it goes over the wire: nothing is encoded, decoded or added to it any more. */
export interface RawRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
  readonly text: string;
  /** The `<Code>` of an error document. */
  readonly code: string | undefined;
}

export interface Wish {
  readonly method?: string;
  /** Encoded already; may hold dot segments. */
  readonly path: string;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface SigningOptions {
  readonly at?: Date;
  readonly region?: string;
  readonly service?: string;
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  readonly sessionToken?: string | undefined;
  /** Sign in the query, for so long. */
  readonly expiresSeconds?: number;
  readonly host?: string;
}

/** Decoded once, and encoded as SigV4 wants it. What cannot be decoded is left to the server to refuse. */
function canonicalPath(path: string): string {
  try {
    return decodeURIComponent(path).replace(
      /[^A-Za-z0-9\-._~/]+/g,
      (odd) => `%${Buffer.from(odd).toString("hex").toUpperCase().match(/../g)?.join("%")}`,
    );
  } catch {
    return path;
  }
}

/** Sign with aws4fetch, which shares nothing with the server's own implementation. */
export async function sign(
  server: S3Endpoint,
  wish: Wish,
  options: SigningOptions = {},
): Promise<RawRequest> {
  const { method = "GET", path, query = "" } = wish;
  const body = Buffer.from(wish.body ?? "");
  const inQuery = options.expiresSeconds !== undefined;
  const host = options.host ?? new URL(server.endpoint).host;
  const expires = inQuery ? `X-Amz-Expires=${options.expiresSeconds}` : "";
  const url = `http://${host}/?${[query, expires].filter((part) => part !== "").join("&")}`;
  const hash = createHash("sha256").update(body).digest("hex");
  const headers = { ...(inQuery ? {} : { "x-amz-content-sha256": hash }), ...wish.headers };
  const at = options.at ?? new Date();
  const signer = new AwsV4Signer({
    method,
    url,
    headers,
    service: "s3",
    region: server.region,
    accessKeyId: server.accessKeyId,
    secretAccessKey: server.secretAccessKey,
    datetime: at.toISOString().replace(/[:-]|\.\d{3}/g, ""),
    signQuery: inQuery,
    ...options,
  } as ConstructorParameters<typeof AwsV4Signer>[0]);
  // Its way through WHATWG URL would lose dot segments.
  (signer as unknown as { encodedPath: string }).encodedPath = canonicalPath(path);
  const signed = await signer.sign();
  const search = signed.url.search.replaceAll("+", "%20");
  return {
    method,
    target: path + search,
    headers: { host, ...Object.fromEntries(signed.headers) },
    body,
  };
}

/** Begin to send, and leave body and answer to the caller. */
export function open(server: S3Endpoint, raw: RawRequest): ClientRequest {
  const { hostname, port } = new URL(server.endpoint);
  const { method, target: path, headers } = raw;
  return request({ hostname, port, method, path, headers, agent: false, setHost: false });
}

export async function answerTo(sent: ClientRequest): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  sent.once("response", resolve).on("error", reject);
  return await promise;
}

export async function send(server: S3Endpoint, raw: RawRequest): Promise<RawAnswer> {
  const sent = open(server, {
    ...raw,
    headers:
      raw.body.length > 0 || raw.method === "PUT" || raw.method === "POST"
        ? { "content-length": String(raw.body.length), ...raw.headers }
        : raw.headers,
  });
  const answered = answerTo(sent);
  sent.end(raw.body);
  const answer = await answered;
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer as AsyncIterable<Uint8Array>) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const text = body.toString();
  const code = /<Code>([^<]*)<\/Code>/.exec(text)?.[1];
  return { status: answer.statusCode ?? 0, headers: answer.headers, body, text, code };
}

/** Sign and send. */
export async function ask(
  server: S3Endpoint,
  wish: Wish,
  options: SigningOptions = {},
): Promise<RawAnswer> {
  return await send(server, await sign(server, wish, options));
}
