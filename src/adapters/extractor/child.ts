import type { ByteStream } from "../../domain/bytes.ts";
import { errorOf } from "../../domain/error-trace.ts";
import { StowageError } from "../../domain/errors.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { Extraction } from "../../domain/ports/extractor.ts";
import type { Host, HostProcess } from "../../domain/ports/host.ts";
import type { Logger } from "../../domain/ports/logger.ts";
import type { ProcessorInfo, ProcessorOutput } from "../../domain/ports/processor.ts";
import {
  abandoned,
  fromExit,
  limitExceeded,
  type ProcessEnd,
  protocolViolation,
  tooLargeAtStart,
  unavailable,
} from "./exit-reasons.ts";
import { Feeder } from "./feeder.ts";
import { type ExtractionLimits, limitedCommand, limitsFor, processCpuSeconds } from "./limits.ts";
import {
  type ErrorMessage,
  type Frame,
  type FrameKind,
  type ProcessUsage,
  ProtocolError,
  parseChildMessage,
  type ReadyMessage,
  type ResultMessage,
  readFrames,
} from "./protocol.ts";
import { watch } from "./watchdog.ts";

export interface ChildOptions {
  readonly host: Host;
  /** The command that starts an extraction process, without its limits. */
  readonly command: readonly string[];
  /** The processors it must offer. */
  readonly processors: readonly ProcessorInfo[];
  readonly limits: ExtractionLimits;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** A process that has not loaded its libraries by then will not start. */
const START_MS = 20_000;

const NOTHING_USED: ProcessUsage = { cpuMs: 0, rssBytes: 0 };

/** Per document. More would flood the service's log. */
const MAX_LOG_LINES = 1000;

/** One extraction process. Takes one document at a time, and none once it is `broken`. */
export class Child {
  readonly #options: ChildOptions;
  readonly #process: HostProcess;
  readonly #frames: AsyncGenerator<Frame>;
  #offer: ReadyMessage = { type: "ready", processors: [], modules: [], usage: NOTHING_USED };
  #documents = 0;
  #usage = NOTHING_USED;
  /** Why we ended it. The first reason counts. */
  #killReason: unknown;
  #broken = false;

  private constructor(options: ChildOptions) {
    this.#options = options;
    const [program, ...args] = limitedCommand(options.command, options.limits);
    // Nothing else of the service's environment, because it contains keys. PATH finds `sh` and the program.
    const path = options.host.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin";
    this.#process = options.host.spawn(program, args, { env: { PATH: path } });
    this.#frames = readFrames(this.#process.output);
    void this.ended.then(() => {
      this.#broken = true;
    });
  }

  /**
   * Start a process and wait until it can take a document.
   *
   * @throws {StowageError} `extractor_unavailable` if it does not start; `request_aborted`.
   */
  static async start(options: ChildOptions, signal: AbortSignal): Promise<Child> {
    signal.throwIfAborted();
    const child = Child.#spawn(options);
    const late = unavailable(`it did not start within ${START_MS} ms`);
    const timer = setTimeout(() => child.kill(late), START_MS);
    const release = child.#killOnAbort(signal);
    try {
      await child.#handshake();
      return child;
    } catch (error) {
      const end = await child.#die(error);
      throw child.#killReason ?? unavailable(`it ended with ${end.signal ?? `code ${end.code}`}`);
    } finally {
      clearTimeout(timer);
      release();
    }
  }

  /** @throws {StowageError} `extractor_unavailable`: no document is to blame. */
  static #spawn(options: ChildOptions): Child {
    try {
      return new Child(options);
    } catch (error) {
      throw unavailable("it cannot be started", error);
    }
  }

  /** Its ready message. */
  get offer(): ReadyMessage {
    return this.#offer;
  }

  /** How many documents it has received. */
  get documents(): number {
    return this.#documents;
  }

  get broken(): boolean {
    return this.#broken;
  }

  get ended(): Promise<ProcessEnd> {
    return this.#process.ended;
  }

  /** Whether earlier documents used so much CPU time, or still hold so much memory, that the next could suffer. */
  get worn(): boolean {
    const { limits } = this.#options;
    const cpuSecondsLeft = processCpuSeconds(limits) - this.#usage.cpuMs / 1000;
    return cpuSecondsLeft < limits.cpuSeconds || this.#usage.rssBytes > limits.memoryBytes / 2;
  }

  /** End it now. Its current document fails with `reason`. */
  kill(reason?: unknown): void {
    this.#broken = true;
    this.#killReason ??= reason;
    this.#process.kill("SIGKILL");
  }

  /** Run one document: see `Extractor.run`. Reads `stream` until its end or an answer. */
  async run(extraction: Extraction, stream: ByteStream): Promise<ProcessorOutput> {
    const { host, clock } = this.#options;
    const { processor, contentType, extension, sizeBytes, textFailure, signal } = extraction;
    const limits = limitsFor(this.#options.limits, sizeBytes);
    this.#documents += 1;
    const feeder = new Feeder(this.#process);
    const release = this.#killOnAbort(signal);
    const stopWatching = watch({
      host,
      clock,
      limits,
      pid: this.#process.pid,
      waiting: () => feeder.waiting,
      onExcess: (excess) => this.kill(limitExceeded(excess, limits)),
    });
    const { maxTextBytes } = limits;
    const facts = { processor, contentType, extension, sizeBytes };
    feeder
      .feed({ type: "run", ...facts, maxTextBytes, textFailure }, stream)
      .catch((error: unknown) => this.kill(error));
    try {
      return this.#conclude(await this.#answer());
    } catch (error) {
      if (this.#killReason === undefined && error instanceof StowageError) throw error;
      const end = await this.#die(error);
      throw this.#killReason ?? fromExit(end);
    } finally {
      stopWatching();
      release();
      feeder.end();
    }
  }

  async #handshake(): Promise<void> {
    const message = parseChildMessage((await this.#next("message")).payload);
    if (message.type !== "ready")
      throw new ProtocolError("Cannot start: the process was not ready");
    this.#offer = message;
    this.#usage = message.usage;
    const reason = this.#unfit(message);
    if (reason === undefined) return;
    this.kill(reason);
    throw reason;
  }

  /** Why a ready process must not receive documents. */
  #unfit({ processors, usage }: ReadyMessage): StowageError | undefined {
    const { limits } = this.#options;
    if (usage.rssBytes > limits.memoryBytes) return tooLargeAtStart(usage.rssBytes, limits);
    const offered = new Set(processors.map(({ name, version }) => `${name} ${version}`));
    const missing = this.#options.processors.find(
      ({ name, version }) => !offered.has(`${name} ${version}`),
    );
    if (missing === undefined) return undefined;
    return unavailable(`it does not offer processor ${missing.name} in version ${missing.version}`);
  }

  /** Reads the frames of one answer. */
  async #answer(): Promise<{ message: ResultMessage | ErrorMessage; text: string }> {
    const { limits, logger } = this.#options;
    const decoder = new TextDecoder();
    let text = "";
    let room = limits.maxTextBytes;
    let lines = 0;
    for (;;) {
      const { kind, payload } = await this.#next("message", "data");
      if (kind === "data") {
        room -= payload.byteLength;
        if (room < 0) throw new ProtocolError("Cannot read answer: more text than was allowed");
        text += decoder.decode(payload, { stream: true });
        continue;
      }
      const message = parseChildMessage(payload);
      if (message.type === "ready")
        throw new ProtocolError("Cannot read answer: a second ready message");
      if (message.type !== "log") return { message, text: text + decoder.decode() };
      lines += 1;
      if (lines > MAX_LOG_LINES) throw new ProtocolError("Cannot read answer: too many log lines");
      logger[message.level](message.event, message.fields);
    }
  }

  #conclude(answer: { message: ResultMessage | ErrorMessage; text: string }): ProcessorOutput {
    const { message, text } = answer;
    this.#usage = message.usage;
    if (message.type === "result") {
      return message.hasText ? { output: message.output, text } : { output: message.output };
    }
    // A processor that failed unexpectedly may have left anything behind.
    if (!message.code.startsWith("document_")) this.#broken = true;
    throw new StowageError(message.code, message.detail, { cause: errorOf(message.causes) });
  }

  async #next(...kinds: FrameKind[]): Promise<Frame> {
    const next = await this.#frames.next();
    if (next.done) throw new ProtocolError("Cannot read frame: the stream ended", true);
    if (!kinds.includes(next.value.kind))
      throw new ProtocolError("Cannot read frame: unexpected kind");
    return next.value;
  }

  /** After any error while reading, the process must go. If it ended by itself, its exit is the reason. */
  #die(error: unknown): Promise<ProcessEnd> {
    const byItself = error instanceof ProtocolError && error.streamEnded;
    this.kill(byItself ? undefined : protocolViolation(error));
    return this.ended;
  }

  #killOnAbort(signal: AbortSignal): () => void {
    const onAbort = () => this.kill(abandoned());
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    return () => signal.removeEventListener("abort", onAbort);
  }
}
