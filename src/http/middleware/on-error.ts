import type { ErrorHandler, NotFoundHandler } from "hono";
import { isStowageError, StowageError } from "../../domain/errors.ts";
import type { HttpEnv } from "../endpoint.ts";
import { codeOf, problemResponse, STATUS } from "../problem.ts";

/** Turns anything thrown into a problem. Failures of the service are logged once, with their cause. */
export const onError: ErrorHandler<HttpEnv> = (error, c) => {
  const { requestId, options } = c.var;
  const code = codeOf(error);
  const fields = { code, requestId, route: c.var.routePattern ?? null };
  if (STATUS[code] < 500) options.logger.debug("request.refused", fields);
  else
    options.logger[isReported(error) ? "debug" : "error"]("request.failed", { ...fields, error });
  return problemResponse(error, requestId);
};

/** Whether the fault has been logged before, such as a missing file. */
function isReported(error: unknown): boolean {
  return isStowageError(error) && error.data["reported"] === true;
}

/** A path without a route. */
export const notFound: NotFoundHandler<HttpEnv> = (c) =>
  problemResponse(
    new StowageError("route_not_found", "Cannot find route: this path does not exist"),
    c.var.requestId,
  );
