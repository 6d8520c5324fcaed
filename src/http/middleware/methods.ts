import type { Handler } from "hono";
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
    const methods = table.get(shape) ?? [];
    methods.push(method.toUpperCase());
    // GET is answered for HEAD as well, without its body.
    if (method === "get") methods.push("HEAD");
    table.set(shape, methods);
  }
  return table;
}

/** Answers the methods that a path does not have. */
export function refuseMethod(path: string, allowed: readonly string[]): Handler<HttpEnv> {
  const allow = [...new Set(allowed)].sort().join(", ");
  return (c) => {
    c.set("routePattern", path);
    throw new HttpError("method_not_allowed", `Cannot do this here: use ${allow}`, {
      headers: { Allow: allow },
    });
  };
}
