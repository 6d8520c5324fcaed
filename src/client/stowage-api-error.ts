import type { ErrorCode } from "../domain/errors.ts";
import type { Problem } from "../http/problem.ts";

/**
 * A code of the service; or, of this client, `connection_failed` where no answer came, and
 * `unexpected_answer` where something else than the service has answered.
 */
export type ApiErrorCode =
  | ErrorCode
  | "connection_failed"
  | "unexpected_answer"
  // A newer service has newer codes.
  | (string & Record<never, never>);

/** A field of a request that was wrong. */
export type FieldProblem = NonNullable<Problem["errors"]>[number];

/** A call that did not succeed. What the service said of it (RFC 9457), in fields. */
export class StowageApiError extends Error {
  override readonly name = "StowageApiError";
  /** What to tell cases apart by: it never changes its meaning. */
  readonly code: ApiErrorCode;
  /** The status of HTTP; 0 where no answer came. */
  readonly status: number;
  /** By which the service's log knows the call; `null` where no answer came. */
  readonly requestId: string | null;
  /** The fields that were wrong. */
  readonly errors: readonly FieldProblem[];
  /** After how many seconds it is worth another try; `null` where the service did not say. */
  readonly retryAfterSeconds: number | null;

  constructor(
    code: ApiErrorCode,
    message: string,
    facts: {
      readonly status?: number;
      readonly requestId?: string | null;
      readonly errors?: readonly FieldProblem[];
      readonly retryAfterSeconds?: number | null;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.status = facts.status ?? 0;
    this.requestId = facts.requestId ?? null;
    this.errors = facts.errors ?? [];
    this.retryAfterSeconds = facts.retryAfterSeconds ?? null;
  }
}

/** The error that an answer stands for. Reads its body. */
export async function toApiError(response: Response): Promise<StowageApiError> {
  const { status, headers } = response;
  const problem = await problemOf(response);
  const facts = {
    status,
    requestId: headers.get("X-Request-Id"),
    retryAfterSeconds: parseRetryAfter(headers.get("Retry-After")),
  };
  if (problem === null) {
    const message = `Cannot use answer: expected one of Stowage, read status ${status}`;
    return new StowageApiError("unexpected_answer", message, facts);
  }
  const { code, detail, request_id: requestId, errors = [] } = problem;
  return new StowageApiError(code, detail, { ...facts, requestId, errors });
}

async function problemOf(response: Response): Promise<Problem | null> {
  const type = response.headers.get("Content-Type") ?? "";
  if (!type.startsWith("application/problem+json")) {
    await response.body?.cancel();
    return null;
  }
  const problem = (await response.json().catch(() => null)) as Problem | null;
  return typeof problem?.code === "string" ? problem : null;
}

/** Seconds, or a date (RFC 9110, 10.2.3). */
function parseRetryAfter(text: string | null): number | null {
  if (text === null) return null;
  if (/^\d+$/.test(text)) return Number(text);
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - Date.now()) / 1000));
}
