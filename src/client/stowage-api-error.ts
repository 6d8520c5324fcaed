import type { ErrorCode } from "../domain/errors.ts";
import type { Problem } from "../http/problem.ts";

/**
 * A code of the service, or one of this client: `connection_failed` if no response arrived, `unexpected_answer` if
 * the response did not come from Stowage.
 */
export type ApiErrorCode =
  | ErrorCode
  | "connection_failed"
  | "unexpected_answer"
  // A newer service may have more codes.
  | (string & Record<never, never>);

/** An invalid field of a request. */
export type FieldProblem = NonNullable<Problem["errors"]>[number];

/** A failed call, with the fields of the service's problem (RFC 9457). */
export class StowageApiError extends Error {
  override readonly name = "StowageApiError";
  /** What to branch on. A code never changes its meaning. */
  readonly code: ApiErrorCode;
  /** The HTTP status; 0 without a response. */
  readonly status: number;
  /** Identifies the call in the service's log; `null` without a response. */
  readonly requestId: string | null;
  /** The invalid fields. */
  readonly errors: readonly FieldProblem[];
  /** Seconds to wait before trying again; `null` if the service sent none. */
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

/** Convert an error response. Reads its body. */
export async function toApiError(response: Response): Promise<StowageApiError> {
  const { status, headers } = response;
  const problem = await problemOf(response);
  const facts = {
    status,
    requestId: headers.get("X-Request-Id"),
    retryAfterSeconds: parseRetryAfter(headers.get("Retry-After")),
  };
  if (problem === null) {
    const message = `Cannot use response: status ${status}, not from Stowage`;
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
