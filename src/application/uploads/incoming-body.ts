import { type Body, concatBytes } from "../../domain/bytes.ts";
import { type DigestClaim, verifyDigests } from "../../domain/digest.ts";
import { isStowageError, StowageError, UploadTooLargeError } from "../../domain/errors.ts";
import {
  CONTAINER_MEDIA_TYPE,
  findMediaType,
  textTypeOf,
  UNKNOWN_MEDIA_TYPE,
} from "../../domain/media-type.ts";
import type { Hasher } from "../../domain/ports/hasher.ts";
import type { Sniffer } from "../../domain/ports/sniffer.ts";
import { Digests } from "./digests.ts";

export interface InspectOptions {
  readonly hasher: Hasher;
  readonly sniffer: Sniffer;
  /** What the client says it is. */
  readonly declaredType?: string | undefined;
  /** Its extension tells the kind of a text of which nobody says it. */
  readonly filename?: string | undefined;
  /** The body must not be longer. */
  readonly limitBytes: number;
  /** What it is said to hash to. All must be so, or it fails with its last byte. */
  readonly digests?: readonly DigestClaim[] | undefined;
  /** Called for every chunk that passes, and once when all have. Cheap. */
  readonly onProgress?: ((ended: boolean) => void) | undefined;
}

/**
 * A body on its way to a driver, looked at as it passes: counted against the limit, hashed, and sniffed by
 * its head. The bytes are neither copied nor held, but for the head.
 */
export class IncomingBody {
  /** What to hand to the driver. */
  readonly body: Body;
  /**
   * What the bytes say. Where they say nothing, what the client says, unless no file of that type begins like
   * this one; and where nobody knows, text if it is, of the kind that its filename says.
   */
  readonly contentType: string;
  readonly #passed: Passed;
  readonly #release: () => void;

  private constructor(contentType: string, body: Body, passed: Passed, release: () => void) {
    this.contentType = contentType;
    this.body = body;
    this.#passed = passed;
    this.#release = release;
  }

  /**
   * Read the head of `body` and prepare the rest.
   *
   * @throws {UploadTooLargeError} If the length is known and over the limit: before anything is read.
   */
  static async open(body: Body, options: InspectOptions): Promise<IncomingBody> {
    const passed = new Passed(options);
    if (body.kind === "once") return await IncomingBody.#openOnce(body, options, passed);
    // Read ahead of the driver, which may read a replayable body in any order: the digest needs one pass.
    const head: Uint8Array[] = [];
    passed.expect(body.kind === "bytes" ? body.bytes.byteLength : body.sizeBytes);
    let headBytes = 0;
    for await (const chunk of body.kind === "bytes" ? [body.bytes] : body.open(0)) {
      passed.add(chunk);
      if (headBytes < options.sniffer.headBytes) head.push(chunk);
      headBytes += chunk.byteLength;
    }
    passed.end();
    return new IncomingBody(await typeOf(head, options), body, passed, () => {});
  }

  static async #openOnce(
    body: Body & { kind: "once" },
    options: InspectOptions,
    passed: Passed,
  ): Promise<IncomingBody> {
    if (body.sizeBytes !== undefined) passed.expect(body.sizeBytes);
    const iterator = body.stream[Symbol.asyncIterator]();
    // Not awaited: a generator that waits for its source answers only when the source does, perhaps never.
    const release = (): void => void iterator.return?.().catch(() => {});
    const head: Uint8Array[] = [];
    let headBytes = 0;
    let ended = false;
    try {
      while (headBytes < options.sniffer.headBytes && !ended) {
        const next = await readNext(iterator);
        if (next === null) ended = true;
        else {
          passed.add(next);
          headBytes += next.byteLength;
          head.push(next);
        }
      }
      if (ended) passed.end();
      const contentType = await typeOf(head, options);
      const onward: Body = ended
        ? { kind: "bytes", bytes: concatBytes(head) }
        : {
            kind: "once",
            stream: passAlong(head, iterator, passed),
            ...(body.sizeBytes === undefined ? {} : { sizeBytes: body.sizeBytes }),
          };
      return new IncomingBody(contentType, onward, passed, release);
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Bytes that have passed so far. */
  get sizeBytes(): number {
    return this.#passed.sizeBytes;
  }

  /**
   * SHA-256 of all bytes, lower-case hexadecimal.
   *
   * @throws {StowageError} `storage_unavailable` if the driver has not read the body to its end.
   */
  sha256(): string {
    return this.#passed.sha256();
  }

  /** Let go of the source, whether or not the driver has read it. */
  release(): void {
    this.#release();
  }
}

/** Counts and hashes what passes. */
class Passed {
  sizeBytes = 0;
  #expectedBytes: number | null = null;
  #ended = false;
  #sha256 = "";
  readonly #digests: Digests;
  readonly #claims: readonly DigestClaim[];
  readonly #limitBytes: number;
  readonly #onProgress: ((ended: boolean) => void) | undefined;

  constructor(options: InspectOptions) {
    this.#claims = options.digests ?? [];
    this.#digests = new Digests(options.hasher, [
      "sha256",
      ...this.#claims.map(({ algorithm }) => algorithm),
    ]);
    this.#limitBytes = options.limitBytes;
    this.#onProgress = options.onProgress;
  }

  expect(sizeBytes: number): void {
    if (sizeBytes > this.#limitBytes) throw new UploadTooLargeError(this.#limitBytes);
    this.#expectedBytes = sizeBytes;
  }

  add(chunk: Uint8Array): void {
    this.sizeBytes += chunk.byteLength;
    if (this.sizeBytes > this.#limitBytes) throw new UploadTooLargeError(this.#limitBytes);
    if (this.sizeBytes > (this.#expectedBytes ?? this.#limitBytes)) throw this.#notAsAnnounced();
    this.#digests.add(chunk);
    this.#onProgress?.(false);
  }

  end(): void {
    if (this.sizeBytes !== (this.#expectedBytes ?? this.sizeBytes)) throw this.#notAsAnnounced();
    const digests = this.#digests.end();
    // Before the driver has seen the end: what is known to be wrong never gets its place.
    verifyDigests(this.#claims, digests);
    this.#sha256 = digests.get("sha256") ?? "";
    this.#ended = true;
    this.#onProgress?.(true);
  }

  #notAsAnnounced(): StowageError {
    return new StowageError(
      "body_incomplete",
      `Cannot accept upload: ${this.#expectedBytes} bytes were announced, ${this.sizeBytes} came`,
    );
  }

  sha256(): string {
    if (!this.#ended) {
      throw new StowageError(
        "storage_unavailable",
        "Cannot trust the storage: its driver did not read the body to its end",
      );
    }
    return this.#sha256;
  }
}

async function* passAlong(
  head: Uint8Array[],
  iterator: AsyncIterator<Uint8Array>,
  passed: Passed,
): AsyncGenerator<Uint8Array> {
  // Emptied as it goes: the head need not stay in memory while the rest flows.
  while (head.length > 0) yield head.shift() as Uint8Array;
  for (let chunk = await readNext(iterator); chunk !== null; chunk = await readNext(iterator)) {
    passed.add(chunk);
    yield chunk;
  }
  passed.end();
}

/** The next chunk, `null` at the end. The source's own trouble becomes an error that is not the driver's. */
async function readNext(iterator: AsyncIterator<Uint8Array>): Promise<Uint8Array | null> {
  try {
    const next = await iterator.next();
    return next.done === true ? null : next.value;
  } catch (error) {
    if (isStowageError(error)) throw error;
    throw new StowageError("body_incomplete", "Cannot accept upload: its body ended early", {
      cause: error,
    });
  }
}

async function typeOf(
  chunks: readonly Uint8Array[],
  { sniffer, declaredType, filename = "" }: InspectOptions,
): Promise<string> {
  const declared = findMediaType(declaredType) ?? UNKNOWN_MEDIA_TYPE;
  const head = concatBytes(chunks).subarray(0, sniffer.headBytes);
  const type = await sniffer.sniff(head);
  // Of a container, whoever made it knows more.
  if (type !== null && type !== CONTAINER_MEDIA_TYPE) return type;
  // `application/octet-stream` is what tools send that do not know either (RFC 2046, 4.5.1).
  if (declared !== UNKNOWN_MEDIA_TYPE && sniffer.mayBe(head, declared)) return declared;
  if (type !== null) return type;
  return sniffer.isText(head) ? textTypeOf(filename) : UNKNOWN_MEDIA_TYPE;
}
