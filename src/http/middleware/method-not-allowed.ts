import type { Context, Handler } from "hono";
import type { HttpEnv } from "../endpoint.ts";
import { HttpError } from "../problem.ts";

/** The methods of each path, with paths written as Hono does. */
export type MethodTable = ReadonlyMap<string, readonly string[]>;

/**
 * The methods of each path. Paths that differ only in parameter names are the same.
 *
 * @param routes With paths written as in OpenAPI: `/upload/{id}`.
 */
export function methodTable(
  routes: readonly { readonly method: string; readonly path: string }[],
): MethodTable {
  const table = new Map<string, string[]>();
  for (const { method, path } of routes) {
    const shape = path.replaceAll(/\{[^}]+\}/g, ":any");
    const methods = table.get(shape) ?? ["OPTIONS"];
    methods.push(method.toUpperCase());
    // Hono answers HEAD with the headers of GET.
    if (method === "get") methods.push("HEAD");
    table.set(shape, methods);
  }
  return table;
}

/**
 * Responds to methods that a path has no endpoint for: to OPTIONS with the list of methods or, for pages of other
 * origins, with `preflight`; to all others with 405.
 */
export function methodNotAllowed(
  path: string,
  methods: readonly string[],
  preflight: (c: Context<HttpEnv>, methods: readonly string[]) => Promise<Response | null>,
): Handler<HttpEnv> {
  const allowed = [...new Set(methods)].sort();
  const allow = allowed.join(", ");
  return async (c) => {
    c.set("routePattern", path);
    if (c.req.method === "OPTIONS") {
      return (await preflight(c, allowed)) ?? c.body(null, 204, { Allow: allow });
    }
    throw new HttpError("method_not_allowed", `Cannot use this method here: use ${allow}`, {
      headers: { Allow: allow },
    });
  };
}
