import type { ErrorHandler, NotFoundHandler } from "hono";
import { isStowageError, StowageError } from "../../domain/errors.ts";
import type { HttpEnv } from "../endpoint.ts";
import { codeOf, problemResponse, STATUS } from "../problem.ts";

/** Anything thrown becomes a problem. What was the service's fault is logged, once, with its cause. */
export const onError: ErrorHandler<HttpEnv> = (error, c) => {
  const { requestId, options } = c.var;
  const code = codeOf(error);
  const fields = { code, requestId, route: c.var.routePattern ?? null };
  if (STATUS[code] < 500) options.logger.debug("request.refused", fields);
  else
    options.logger[isReported(error) ? "debug" : "error"]("request.failed", { ...fields, error });
  return problemResponse(error, requestId);
};

/** Whether the log has an earlier line about the same fault, such as a file that is missing. */
function isReported(error: unknown): boolean {
  return isStowageError(error) && error.data["reported"] === true;
}

/** A path that nobody serves. */
export const notFound: NotFoundHandler<HttpEnv> = (c) =>
  problemResponse(
    new StowageError("route_not_found", "Cannot find route: nothing is served here"),
    c.var.requestId,
  );
