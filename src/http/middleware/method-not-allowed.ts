import type { Context, Handler } from "hono";
import type { HttpEnv } from "../endpoint.ts";
import { HttpError } from "../problem.ts";

/** Methods by the paths that have them, as the framework spells paths. */
export type MethodTable = ReadonlyMap<string, readonly string[]>;

/**
 * Which methods each path has. Two paths that differ in the name of a parameter only are one.
 *
 * @param routes In the spelling of OpenAPI: `/upload/{id}`.
 */
export function methodTable(
  routes: readonly { readonly method: string; readonly path: string }[],
): MethodTable {
  const table = new Map<string, string[]>();
  for (const { method, path } of routes) {
    const shape = path.replaceAll(/\{[^}]+\}/g, ":any");
    // Every path answers OPTIONS, with its methods.
    const methods = table.get(shape) ?? ["OPTIONS"];
    methods.push(method.toUpperCase());
    // GET is answered for HEAD as well, without its body.
    if (method === "get") methods.push("HEAD");
    table.set(shape, methods);
  }
  return table;
}

/**
 * Answers the methods that no endpoint of a path has: OPTIONS by telling what there is, to pages of other
 * origins by `preflight`; the others by refusing them.
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
    throw new HttpError("method_not_allowed", `Cannot do this here: use ${allow}`, {
      headers: { Allow: allow },
    });
  };
}
