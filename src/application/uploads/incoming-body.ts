import { type Body, concatBytes } from "../../domain/bytes.ts";
import type { DigestClaim } from "../../domain/digest.ts";
import { untrustedStorage } from "../../domain/errors.ts";
import {
  CONTAINER_MEDIA_TYPE,
  findMediaType,
  textTypeOf,
  UNKNOWN_MEDIA_TYPE,
} from "../../domain/media-type.ts";
import type { Hasher } from "../../domain/ports/hasher.ts";
import type { Sniffer } from "../../domain/ports/sniffer.ts";
import { closeSource } from "../../domain/read-body.ts";
import { BodyMeter, readNext } from "./body-meter.ts";

export interface IncomingBodyOptions {
  readonly hasher: Hasher;
  readonly sniffer: Sniffer;
  /** The type that the client declared. */
  readonly declaredType?: string | undefined;
  /** Its extension determines the type of a text without a declared type. */
  readonly filename?: string | undefined;
  /** The longest body that is accepted. */
  readonly limitBytes: number;
  /** Digests that the client sent. If one is wrong, the body fails with its last byte. */
  readonly digests?: readonly DigestClaim[] | undefined;
  /** Called for every chunk, and once at the end. Must be cheap. */
  readonly onProgress?: ((ended: boolean) => void) | undefined;
}

/**
 * A body on its way to a driver. Its bytes are counted, hashed and sniffed as they pass. Only its head is held in
 * memory, and nothing is copied.
 */
export class IncomingBody {
  /** Pass this to the driver. */
  readonly body: Body;
  /**
   * The sniffed type. If there is none, the declared type, unless files of that type never begin like this one. Without
   * either, a text type if the bytes are text, chosen by the extension of the filename.
   */
  readonly contentType: string;
  readonly #progress: Progress;
  readonly #release: () => void;

  private constructor(contentType: string, body: Body, progress: Progress, release: () => void) {
    this.contentType = contentType;
    this.body = body;
    this.#progress = progress;
    this.#release = release;
  }

  /**
   * Read the head of `body` and prepare the rest.
   *
   * @throws {UploadTooLargeError} Before anything is read if the length is known and over the limit.
   */
  static async open(body: Body, options: IncomingBodyOptions): Promise<IncomingBody> {
    const progress = new Progress(options);
    if (body.kind === "once") return await IncomingBody.#openOnce(body, options, progress);
    // The driver may read a replayable body in any order, but a digest needs one pass: read it first.
    const head: Uint8Array[] = [];
    progress.meter.expect(body.kind === "bytes" ? body.bytes.byteLength : body.sizeBytes);
    let headBytes = 0;
    for await (const chunk of body.kind === "bytes" ? [body.bytes] : body.open(0)) {
      progress.meter.add(chunk);
      if (headBytes < options.sniffer.headBytes) head.push(chunk);
      headBytes += chunk.byteLength;
    }
    progress.end();
    return new IncomingBody(await typeOf(head, options), body, progress, () => {});
  }

  static async #openOnce(
    body: Body & { kind: "once" },
    options: IncomingBodyOptions,
    progress: Progress,
  ): Promise<IncomingBody> {
    const { sizeBytes } = body;
    progress.meter.expect(sizeBytes ?? null);
    const iterator = body.stream[Symbol.asyncIterator]();
    const release = (): void => closeSource(iterator);
    const head: Uint8Array[] = [];
    let headBytes = 0;
    let ended = false;
    try {
      while (headBytes < options.sniffer.headBytes && !ended) {
        const next = await readNext(iterator);
        if (next === null) ended = true;
        else {
          progress.meter.add(next);
          headBytes += next.byteLength;
          head.push(next);
        }
      }
      if (ended) progress.end();
      const contentType = await typeOf(head, options);
      const onward: Body = ended
        ? { kind: "bytes", bytes: concatBytes(head) }
        : { kind: "once", stream: passAlong(head, iterator, progress), sizeBytes };
      return new IncomingBody(contentType, onward, progress, release);
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Bytes that have passed so far. */
  get sizeBytes(): number {
    return this.#progress.meter.sizeBytes;
  }

  /**
   * SHA-256 of all bytes, lower-case hexadecimal.
   *
   * @throws {StowageError} `storage_unavailable` if the driver has not read the body to its end.
   */
  sha256(): string {
    const { sha256 } = this.#progress;
    if (sha256 !== null) return sha256;
    throw untrustedStorage("its driver did not read the body to its end");
  }

  /** Close the source, whether or not the driver has read it. */
  release(): void {
    this.#release();
  }
}

/** The meter of a body, and its digest once all bytes have passed. */
class Progress {
  readonly meter: BodyMeter;
  sha256: string | null = null;

  constructor({ hasher, digests, limitBytes, onProgress }: IncomingBodyOptions) {
    const algorithms = ["sha256"] as const;
    this.meter = new BodyMeter({ hasher, claims: digests, algorithms, limitBytes, onProgress });
  }

  end(): void {
    this.sha256 = this.meter.end().get("sha256") ?? "";
  }
}

async function* passAlong(
  head: Uint8Array[],
  iterator: AsyncIterator<Uint8Array>,
  progress: Progress,
): AsyncGenerator<Uint8Array> {
  // Emptied on the way, so that the head does not stay in memory while the rest passes.
  while (head.length > 0) yield head.shift() as Uint8Array;
  for (let chunk = await readNext(iterator); chunk !== null; chunk = await readNext(iterator)) {
    progress.meter.add(chunk);
    yield chunk;
  }
  // Checked before the driver sees the end, so that a wrong body is never stored.
  progress.end();
}

async function typeOf(
  chunks: readonly Uint8Array[],
  { sniffer, declaredType, filename = "" }: IncomingBodyOptions,
): Promise<string> {
  const declared = findMediaType(declaredType) ?? UNKNOWN_MEDIA_TYPE;
  const head = concatBytes(chunks).subarray(0, sniffer.headBytes);
  const type = await sniffer.sniff(head);
  // The client knows better what a container contains.
  if (type !== null && type !== CONTAINER_MEDIA_TYPE) return type;
  // Tools send `application/octet-stream` if they do not know the type either (RFC 2046, 4.5.1).
  if (declared !== UNKNOWN_MEDIA_TYPE && sniffer.mayBe(head, declared)) return declared;
  if (type !== null) return type;
  return sniffer.isText(head) ? textTypeOf(filename) : UNKNOWN_MEDIA_TYPE;
}
