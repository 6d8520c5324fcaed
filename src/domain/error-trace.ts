/**
 * An error without anything that may quote a document. Messages are left out: those of parsers often quote their
 * input.
 */
export interface TracedError {
  /** The name of its class: `TypeError`. */
  readonly name: string;
  /** Such as `ERR_INVALID_ARG_TYPE`. */
  readonly code?: string;
  /** The frames, innermost first: `at parse (file:///…/reader.ts:12:7)`. */
  readonly stack?: readonly string[];
}

const MAX_CAUSES = 5;
/** V8's default. */
const MAX_FRAMES = 10;

const NAME = /^[A-Za-z_$][\w$.]{0,63}$/;
/** Node's codes and ours. */
const CODE = /^(?=.{1,64}$)(?:[A-Z][A-Z0-9_]*|[a-z]+(?:_[a-z]+)+)$/;
/** A frame with a position in the code. Other lines of a stack (`<anonymous>`) are left out. */
const FRAME = /^at [\x20-\x7e]{1,300}:\d+:\d+\)?$/;

/**
 * An error and its causes, outermost first. Never throws, whatever `error` is.
 *
 * @param options.stacks Whether to include their stacks.
 */
export function traceOf(
  error: unknown,
  { stacks }: { readonly stacks: boolean },
): readonly TracedError[] {
  const trace: TracedError[] = [];
  let link = error;
  while (link !== undefined && link !== null && trace.length < MAX_CAUSES) {
    try {
      trace.push(traced(link, stacks));
      link = link instanceof Error ? link.cause : undefined;
    } catch {
      // A getter that throws, a revoked proxy.
      return [...trace, { name: "unreadable" }];
    }
  }
  return trace;
}

/** Whether `value`, which another process sent, is a valid trace. */
export function isTrace(value: unknown): value is readonly TracedError[] {
  if (!Array.isArray(value) || value.length > MAX_CAUSES) return false;
  return value.every((link: unknown) => {
    if (typeof link !== "object" || link === null) return false;
    const { name, code, stack = [], ...rest } = link as Record<string, unknown>;
    return (
      Object.keys(rest).length === 0 &&
      matches(NAME, name) &&
      (code === undefined || matches(CODE, code)) &&
      Array.isArray(stack) &&
      stack.length <= MAX_FRAMES &&
      stack.every((frame) => matches(FRAME, frame))
    );
  });
}

/** An error with this trace; `undefined` for an empty one. */
export function errorOf(trace: readonly TracedError[]): Error | undefined {
  const [first, ...causes] = trace;
  if (first === undefined) return undefined;
  const { name, code, stack = [] } = first;
  const error = new Error("", { cause: errorOf(causes) });
  if (code !== undefined) Object.assign(error, { code });
  return Object.assign(error, { name, stack: [name, ...stack].join("\n") });
}

function traced(error: unknown, stacks: boolean): TracedError {
  if (!(error instanceof Error)) return { name: typeof error };
  const { name, code } = error as Error & { readonly code?: unknown };
  const trace: { name: string; code?: string; stack?: string[] } = {
    name: matches(NAME, name) ? name : "Error",
  };
  if (matches(CODE, code)) trace.code = code;
  if (stacks) trace.stack = framesOf(error);
  return trace;
}

/**
 * The frames after the message, which may itself contain lines that look like frames. If the message was changed after
 * the stack was captured, it cannot be cut off, and there are no frames.
 */
function framesOf({ stack, message }: Error): string[] {
  const header = typeof stack === "string" ? stack.indexOf(message) : -1;
  if (header < 0) return [];
  const lines = (stack ?? "").slice(header + message.length).split("\n");
  const frames = lines.map((line) => line.trim()).filter((line) => FRAME.test(line));
  return frames.slice(0, MAX_FRAMES);
}

function matches(pattern: RegExp, value: unknown): value is string {
  return typeof value === "string" && pattern.test(value);
}
