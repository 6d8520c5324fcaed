import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { S3Endpoint } from "./endpoint.ts";
import type { AccessPolicy } from "./strict/access.ts";
import type { Reply, SeenRequest, ServiceRules } from "./strict/call.ts";
import { S3Error } from "./strict/errors.ts";
import { FaultPlan } from "./strict/faults.ts";
import { checkPayload, checkPayloadHead } from "./strict/payload.ts";
import { type Exchange, readBody } from "./strict/receive.ts";
import { lookAt } from "./strict/seen.ts";
import { errorReply, sendReply } from "./strict/send.ts";
import { S3_RULES, Service } from "./strict/service.ts";
import { type KnownKey, verifySignature } from "./strict/sigv4.ts";
import type { StoredObject, Upload } from "./strict/store.ts";

export * as fault from "./strict/fault.ts";

export interface StrictS3Options extends Partial<ServiceRules> {
  readonly region?: string;
  /** Makes the first key pair a temporary one. */
  readonly sessionToken?: string;
  /** Hosts below it name their bucket: `BUCKET.s3.localhost:PORT`. */
  readonly domain?: string;
  /** The path below which the service lies: `/s3`. */
  readonly basePath?: string;
  /** What a signature for another region is answered with: 400 with a body that reports, or 301 with a header. */
  readonly wrongRegion?: "AuthorizationHeaderMalformed" | "PermanentRedirect";
  readonly allowUnsignedPayload?: boolean;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** A strict S3 service in this process, over plain HTTP, in memory, that fails on command. */
export interface StrictS3 extends S3Endpoint {
  readonly sessionToken: string | undefined;
  makeBucket(name?: string, options?: { readonly denyUnencrypted?: boolean }): Promise<string>;
  /** Every request since the start, in the order of arrival. */
  readonly requests: readonly SeenRequest[];
  /** Open connections of clients. */
  readonly connections: number;
  readonly faults: FaultPlan;
  /** What the key pairs may do. */
  readonly access: AccessPolicy;
  /** How far the service's clock is ahead. */
  clockOffsetMs: number;
  /** Know another key pair, or the same one with another token or expiry. */
  addKey(key: KnownKey): void;
  objects(bucket: string): readonly StoredObject[];
  uploadsInProgress(bucket: string): readonly Upload[];
  /** Resolves when no request is being served. */
  idle(): Promise<void>;
}

class StrictServer implements StrictS3 {
  readonly region: string;
  readonly accessKeyId = "AKIASTRICTTESTSERVER";
  readonly secretAccessKey = "strict/secret+key/of/the/test/server=";
  readonly sessionToken: string | undefined;
  readonly requests: SeenRequest[] = [];
  readonly faults = new FaultPlan();
  clockOffsetMs = 0;
  readonly #options: StrictS3Options;
  readonly #rules: ServiceRules;
  readonly #service = new Service();
  readonly #keys = new Map<string, KnownKey>();
  readonly #sockets = new Set<Socket>();
  readonly #serving = new Set<Promise<void>>();
  readonly #server = createServer();

  constructor(options: StrictS3Options) {
    this.#options = options;
    this.#rules = { ...S3_RULES, ...options };
    this.region = options.region ?? "eu-central-1";
    this.sessionToken = options.sessionToken;
    const { accessKeyId, secretAccessKey, sessionToken } = this;
    this.addKey({ accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) });
    const serve = (expects: boolean) => (req: IncomingMessage, res: ServerResponse) => {
      const served = this.#serve(req, res, expects).finally(() => this.#serving.delete(served));
      this.#serving.add(served);
    };
    this.#server.on("request", serve(false));
    this.#server.on("checkContinue", serve(true));
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${this.#options.basePath ?? ""}`;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  get access(): AccessPolicy {
    return this.#service.access;
  }

  async listen(): Promise<this> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    await promise;
    return this;
  }

  addKey(key: KnownKey): void {
    this.#keys.set(key.accessKeyId, key);
  }

  async makeBucket(name?: string, options: { readonly denyUnencrypted?: boolean } = {}) {
    return this.#service.createBucket({ name, ...options }, this.#now());
  }

  objects(bucket: string): readonly StoredObject[] {
    return [...this.#service.bucket(bucket).objects.values()];
  }

  uploadsInProgress(bucket: string): readonly Upload[] {
    return [...this.#service.bucket(bucket).uploads.values()];
  }

  async idle(): Promise<void> {
    while (this.#serving.size > 0) await Promise.all(this.#serving);
  }

  async stop(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    for (const socket of this.#sockets) socket.destroy();
    await promise;
    await this.idle();
  }

  #now(): number {
    return (this.#options.now ?? Date.now)() + this.clockOffsetMs;
  }

  async #serve(req: IncomingMessage, res: ServerResponse, expects: boolean): Promise<void> {
    const { domain = "s3.localhost", basePath = "" } = this.#options;
    const { seen, problem } = lookAt(req, { domain, basePath });
    this.requests.push(seen);
    const ended = new Promise<void>((resolve) => res.once("close", resolve));
    res.once("close", () => {
      if (seen.outcome === "open") seen.outcome = res.writableFinished ? "answered" : "aborted";
    });
    res.on("error", () => undefined);
    try {
      const active = this.faults.take(seen);
      const reply = await this.#reply(seen, problem, { req, res, expects, active });
      if (!reply) {
        seen.outcome = "cut";
        req.socket.resetAndDestroy();
        return;
      }
      seen.status = reply.status;
      seen.code = reply.code;
      const sent = await sendReply(reply, res, this.#now(), req.method === "HEAD");
      if (sent === "cut" && seen.outcome === "open") seen.outcome = "cut";
    } catch (error) {
      // Clients go away in the midst of their requests; anything else is a defect of this server.
      if (!req.errored && !res.destroyed) throw error;
    } finally {
      await ended;
    }
  }

  /** @returns `undefined` to reset the connection. */
  async #reply(
    seen: SeenRequest,
    problem: S3Error | undefined,
    exchange: Exchange,
  ): Promise<Reply | undefined> {
    const fault = exchange.active?.do;
    const gate = exchange.active?.gate;
    if (fault?.instead && gate) return fault.instead(gate);
    let reply: Reply | undefined;
    try {
      if (problem) throw problem;
      reply = await this.#answer(seen, exchange);
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
      reply = errorReply(error, seen.path);
    }
    return reply && fault?.edit && gate ? fault.edit(reply, gate, seen) : reply;
  }

  async #answer(seen: SeenRequest, exchange: Exchange): Promise<Reply | undefined> {
    const { region } = this;
    const now = this.#now();
    const wrongRegion = () => this.#wrongRegion(seen);
    const signed = verifySignature(seen, { keys: this.#keys, region, now, wrongRegion });
    const { action, bucket: bucketName, key } = seen;
    if (!action) throw new S3Error("NotImplemented", "That is not implemented here");
    const fault = exchange.active?.do;
    const headers = without(seen.headers, fault?.ignoring);
    const query = without(new Map(seen.query), fault?.ignoring);
    const rules = this.#rules;
    const arrival = { action, bucketName, key, query, headers, now, region, rules };
    this.#service.admit(arrival);
    const allowUnsignedPayload = this.#options.allowUnsignedPayload ?? false;
    checkPayloadHead(action, headers, signed, { ...rules, allowUnsignedPayload });
    if (exchange.expects) exchange.res.writeContinue();
    const body = await readBody(seen, exchange);
    if (!body) return undefined;
    checkPayload(body, headers, signed.payloadHash);
    return this.#service.perform(arrival, body, fault?.refuseDeletion);
  }

  #wrongRegion(seen: SeenRequest): S3Error {
    const { region } = this;
    const reported = { "x-amz-bucket-region": region };
    if (this.#options.wrongRegion === "PermanentRedirect") {
      const details = { Endpoint: this.endpoint, Bucket: seen.bucket ?? "" };
      const message = "The bucket you are attempting to access must be addressed elsewhere";
      return new S3Error("PermanentRedirect", message, details, reported);
    }
    return new S3Error(
      "AuthorizationHeaderMalformed",
      `The authorization header is malformed; the region is wrong; expecting '${region}'`,
      { Region: region },
      seen.method === "HEAD" ? reported : {},
    );
  }
}

function without(
  all: ReadonlyMap<string, string>,
  names: readonly string[] = [],
): ReadonlyMap<string, string> {
  return new Map([...all].filter(([name]) => !names.includes(name)));
}

/** Start one; it is ready in milliseconds. */
export async function startStrictS3(options: StrictS3Options = {}): Promise<StrictS3> {
  return await new StrictServer(options).listen();
}
